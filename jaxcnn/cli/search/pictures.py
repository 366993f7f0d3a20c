"""Answers as a sheet of thumbnails, and as a page."""

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Protocol

import numpy as np
from PIL import Image

from jaxcnn.cli import html
from jaxcnn.cli.search.describer import shown_name
from jaxcnn.images import ImageError, read, sheet
from jaxcnn.images.draw import Color, fit

QUERY: Color = (45, 113, 178)
ANSWER: Color = (32, 33, 36)
CELL = 144
PICTURED = 40
"""Queries that a sheet shows."""


class Found(Protocol):
    """An image and what looks like it."""

    @property
    def file(self) -> Path: ...  # noqa: D102

    @property
    def names(self) -> list[str]: ...  # noqa: D102

    @property
    def scores(self) -> list[float]: ...  # noqa: D102


def picture(path: Path, found: Sequence[Found], title: str) -> None:
    """Write a sheet: in each row a query and its answers."""
    images, captions, colors = [], [], []
    columns = 1 + max(len(one.names) for one in found)
    for one in found[:PICTURED]:
        images += [thumbnail(one.file), *(thumbnail(Path(name)) for name in one.names)]
        captions += [("query", one.file.name)]
        captions += [
            (f"{score:.3f}", PurePath(name).name)
            for name, score in zip(one.names, one.scores, strict=True)
        ]
        colors += [QUERY, *[ANSWER] * len(one.names)]
        missing = columns - 1 - len(one.names)  # of an approximate search, rarely
        images += [np.full((CELL, CELL, 1), 255, np.uint8)] * missing
        captions += [("", "")] * missing
        colors += [ANSWER] * missing
    drawn = sheet(images, captions, title=title, columns=columns, cell=CELL, colors=colors)
    Image.fromarray(drawn).save(path)


def page(path: Path, found: Sequence[Found], lead: str) -> None:
    """Write a page that needs no other file: a section for each query."""
    sections = []
    for one in found:
        figures = [figure(one.file, "query", "")]
        figures += [
            figure(Path(name), f"{score:.4f}", bar(score))
            for name, score in zip(one.names, one.scores, strict=True)
        ]
        gallery = f'<div class="gallery roomy">{"".join(figures)}</div>'
        sections.append(html.section(one.file.name, gallery))
    head = f'<h1>What looks alike</h1><p class="lead">{html.escape(lead)}</p>'
    path.write_text(html.page("What looks alike", head + "".join(sections)), "utf-8")


def figure(file: Path, label: str, below: str) -> str:
    """Return a thumbnail with its label and the name of its file."""
    name = html.escape(shown_name(str(file)))
    return (
        f'<figure><div class="frame">{html.photo(thumbnail(file), file.name)}</div>'
        f"<figcaption><b>{html.escape(label)}</b>{below}<br>"
        f'<span class="id">{name}</span></figcaption></figure>'
    )


def bar(score: float) -> str:
    """Return a bar as long as a cosine, none for a negative one."""
    width = 100 * min(max(score, 0.0), 1.0)
    fill = f'<span class="fill" style="width:{width:.1f}%"></span>'
    return f'<div class="guess right">{fill}&nbsp;</div>'


def thumbnail(file: Path) -> np.ndarray:
    """Return an image as it was indexed, small; grey where it can be read no more."""
    try:
        image = read(file)
        longest = max(image.shape[:2])
        # Filled by large and small alike; what is tiny grows in sharp pixels.
        return fit(image, min(longest, 2 * CELL) if longest >= CELL else 2 * CELL)
    except ImageError:
        return np.full((CELL, CELL, 3), 200, np.uint8)
