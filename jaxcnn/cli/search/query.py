"""`jaxcnn search query`: what in an index looks like some images."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import tyro

from jaxcnn.checks import Report
from jaxcnn.cli.answer import Answer, skipped_lines, some_read
from jaxcnn.cli.options import Json
from jaxcnn.cli.search.describer import (
    DEFAULT,
    Describer,
    describer_of,
    projection_of,
    shown_name,
)
from jaxcnn.cli.search.pictures import page, picture
from jaxcnn.images import ImageError
from jaxcnn.images.files import image_files
from jaxcnn.retrieval import Approximate, Index, Matches, expand_queries


class Found(NamedTuple):
    """An image and what looks like it."""

    file: Path
    names: list[str]
    scores: list[float]


def query(
    images: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGES")],
    /,
    *,
    index: Annotated[Path, tyro.conf.arg(metavar="DIR")] = DEFAULT,
    model: str | None = None,
    top: int = 10,
    expand: int = 0,
    alpha: float = 3.0,
    approximate: tyro.conf.FlagCreatePairsOff[bool] = False,
    picture: Annotated[Path | None, tyro.conf.arg(metavar="FILE.png")] = None,
    page: Annotated[Path | None, tyro.conf.arg(metavar="FILE.html")] = None,
    batch_size: int = 32,
    as_json: Json = False,
) -> Answer:
    """Show the images of an index that look most like some images.

    Args:
        images: Files, folders and patterns such as 'photos/*.jpg'.
        index: Folder of the index.
        model: Name of the model; that of the index, which refuses others.
        top: Number of answers for each image.
        expand: Ask a second time with the first so many answers (query expansion).
        alpha: Power of their cosines, by which they weigh.
        approximate: Look at a part of the index only, as build --approximate prepared it.
        picture: File for a sheet of thumbnails.
        page: File for the same as a page.
        batch_size: Images that are computed at once.
        as_json: Print JSON.
    """
    check(top, expand, alpha, batch_size, picture, page)
    files, opened = image_files(images), Index.open(index)
    describer = describer_of(opened, model)
    report = Report("search query")
    for name, value in (("--top", top), ("--expand", expand)):
        rule = f"the index has {len(opened):,} images"
        report.expect(value <= len(opened), name, value, rule, f"use {name} {len(opened)}")
    report.done()
    read, vectors, errors = described(describer, opened, files, batch_size)
    some_read(len(read), errors)
    began = time.monotonic()
    matches = asked(opened, vectors, top, expand, alpha, approximate=approximate)
    seconds = time.monotonic() - began
    found = [
        Found(file, [opened.name(i) for i in ids if i >= 0], scores[ids >= 0].tolist())
        for file, ids, scores in zip(read, matches.ids, matches.scores, strict=True)
    ]
    made = drawn(found, opened, picture, page)
    skipped = [{"file": str(file), "reason": str(e)} for file, e in errors.items()]
    data = {
        "index": str(index),
        "count": len(opened),
        "seconds": round(seconds, 4),
        "queries": [as_data(one) for one in found],
        "written": made,
        "skipped": skipped,
    }
    return Answer(json.dumps(data, indent=1) if as_json else as_text(data), skipped_lines(errors))


def check(
    top: int, expand: int, alpha: float, size: int, picture: Path | None, page: Path | None
) -> None:
    """Raise where the words mean nothing, before anything is loaded."""
    report = Report("search query")
    report.count("--top", top)
    report.count("--expand", expand, low=0)
    report.count("--batch-size", size)
    report.expect(alpha >= 0, "--alpha", alpha, "must be >= 0", "use --alpha 3")
    kinds = (
        ("--picture", picture, (".png", ".jpg", ".jpeg", ".webp")),
        ("--page", page, (".html",)),
    )
    for name, path, endings in kinds:
        if path is not None:
            rule = f"must end in {' or '.join(endings)}"
            fix = f"use {path.with_suffix(endings[0])}"
            report.expect(path.suffix.lower() in endings, name, str(path), rule, fix)
            rule, fix = "must be in a folder that exists", f"mkdir -p {path.parent}"
            report.expect(path.parent.is_dir(), name, str(path), rule, fix)
    report.done()


def described(
    describer: Describer, index: Index, files: Sequence[Path], size: int
) -> tuple[list[Path], np.ndarray, dict[Path, ImageError]]:
    """Return the files that can be read, their vectors, and why the others cannot."""
    read, vectors, errors = list[Path](), [], dict[Path, ImageError]()
    projection, size = projection_of(index), min(size, len(files))
    for batch in describer.batches(files, size, projection):
        errors |= batch.errors
        if batch.files:
            vectors.append(batch.vectors)
            read += batch.files
    return read, np.concatenate(vectors) if vectors else np.zeros((0, index.dim)), errors


def asked(
    index: Index,
    vectors: np.ndarray,
    top: int,
    expand: int,
    alpha: float,
    *,
    approximate: bool = False,
) -> Matches:
    """Search, once or after expansion."""
    engine = Approximate.open(index) if approximate else index
    if expand:
        first = engine.search(vectors, expand)
        near = index.vectors(np.maximum(first.ids, index.ids[0]))  # what is missing weighs nothing
        vectors = expand_queries(vectors, near, first.scores, alpha=alpha)
    return engine.search(vectors, top)


def drawn(found: Sequence[Found], index: Index, sheet: Path | None, html: Path | None) -> list[str]:
    """Write the sheet and the page that are asked for; return their paths."""
    made = []
    for path, draw in ((sheet, picture), (html, page)):
        if path is not None:
            draw(path, found, f"{len(index):,} images in {index.folder}")
            made.append(str(path))
    return made


def as_data(one: Found) -> dict[str, Any]:
    """Return what was found for an image."""
    both = zip(one.names, one.scores, strict=True)
    return {
        "file": str(one.file),
        "found": [{"file": shown_name(name), "cosine": round(score, 6)} for name, score in both],
    }


def as_text(data: dict[str, Any]) -> str:
    """Return each image and below it its answers."""
    blocks = []
    for one in data["queries"]:
        lines = [f"  {match['cosine']:7.4f}  {match['file']}" for match in one["found"]]
        blocks.append("\n".join([one["file"], *lines]))
    blocks += [f"wrote {path}" for path in data["written"]]
    return "\n\n".join(blocks)
