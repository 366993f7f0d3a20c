"""Predictions shown with their images, on the page and as one picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxcnn.cli.html import encode, guess, percent, photo
from jaxcnn.images import sheet
from train.report.findings import Example

RIGHT, WRONG = (0, 90, 145), (170, 70, 0)


def gallery(examples: Sequence[Example], images: Any, names: Sequence[str]) -> str:
    """Return a grid of images, each with what it is, what was said, and how surely."""
    kind = "gallery roomy" if _long(names) else "gallery"
    return f'<div class="{kind}">{"".join(_figure(e, images, names) for e in examples)}</div>'


def gallery_png(
    examples: Sequence[Example], images: Any, names: Sequence[str], title: str
) -> bytes:
    """Return the same as a PNG file for a talk or a paper."""
    wide = _long(names)
    captions = [_caption(example, names, wide) for example in examples]
    colors = [RIGHT if e.right else WRONG for e in examples]
    pictures = [shape_image(images[e.index]) for e in examples]
    columns, cell = (6, 160) if wide else (8, 112)
    columns = min(columns, len(examples))
    longest = max(max(picture.shape[:2]) for picture in pictures)
    cell = cell // longest * longest or cell  # so that enlarged pixels fill it
    return encode(sheet(pictures, captions, title=title, columns=columns, cell=cell, colors=colors))


def _caption(example: Example, names: Sequence[str], wide: bool) -> list[str]:
    true, said = f"true {names[example.label]}", f"said {_said(example, names)}"
    sure = percent(example.probability, 0)
    return [true, said, f"with {sure}"] if wide else [true, f"{said} ({sure})"]


def _said(example: Example, names: Sequence[str]) -> str:
    """Return the name of the predicted class; -1 stands for logits that are no numbers."""
    return names[example.predicted] if example.predicted >= 0 else "nothing"


def _long(names: Sequence[str]) -> bool:
    """Tell whether names need more room than a digit or a short word."""
    return max(map(len, names)) > 6


def shape_image(image: np.ndarray) -> np.ndarray:
    """Return an image as (H, W, 1) or (H, W, 3), also where its channel axis is missing."""
    image = np.asarray(image)
    return image[..., None] if image.ndim == 2 else image


def _figure(example: Example, images: Any, names: Sequence[str]) -> str:
    said, true = _said(example, names), names[example.label]
    alt = f"{true}, said to be {said}"
    lines = [guess(("✓ " if example.right else "✗ ") + said, example.probability, example.right)]
    if not example.right:
        lines.append(guess(true, example.label_probability, True))
    return (
        f'<figure><div class="frame">{photo(shape_image(images[example.index]), alt)}</div>'
        f'<figcaption>{"".join(lines)}<span class="id">image {example.index:,}</span>'
        "</figcaption></figure>"
    )
