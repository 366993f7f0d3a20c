"""Pictures beside the bars of what was found in them."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from jaxcnn.images.draw import INK, WHITE, Color, fit, shortened, typeface

BAR: Color = (45, 113, 178)
TRACK: Color = (232, 235, 240)
FAINT: Color = (95, 99, 104)

CELL, TEXT, GAP = 224, 420, 28
"""Side of a picture, width of what is beside it and the space between, in pixels."""


def bars(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    shares: Sequence[Sequence[tuple[str, float]]],
    *,
    columns: int = 1,
) -> np.ndarray:
    """Show images, and beside each a title and a bar for each of its shares.

    Args:
        images: At least one uint8 (H, W, 1) or (H, W, 3); sizes may differ.
        titles: What stands above the bars of each image.
        shares: For each image names and shares in [0, 1], at most eight.
        columns: Images in a row.

    Returns:
        uint8 (height, width, 3).

    Raises:
        ValueError: If there is no image, lengths differ or a number cannot be meant.

    >>> picture = bars([np.zeros((8, 8, 1), np.uint8)], ["zero"], [[("black", 0.9)]])
    >>> picture.shape
    (280, 728, 3)
    """
    lengths = {len(images), len(titles), len(shares)}
    most = max(map(len, shares), default=0)
    if len(lengths) > 1 or not images or columns < 1 or most > 8:
        raise ValueError(
            f"bars needs a title and at most 8 shares for each image, and columns >= 1; got "
            f"{len(images)} images, {len(titles)} titles, {len(shares)} groups of at most {most} "
            f"shares and columns={columns}"
        )
    columns = min(columns, len(images))
    step = CELL + GAP
    width = columns * (CELL + TEXT + 2 * GAP) + GAP
    canvas = Image.new("RGB", (width, math.ceil(len(images) / columns) * step + GAP), WHITE)
    draw = ImageDraw.Draw(canvas)
    for i, (image, title, group) in enumerate(zip(images, titles, shares, strict=True)):
        left = GAP + i % columns * (CELL + TEXT + 2 * GAP)
        top = GAP + i // columns * step
        canvas.paste(Image.fromarray(fit(image, CELL)), (left, top))
        _panel(draw, left + CELL + GAP, top, title, group)
    return np.asarray(canvas)


def _panel(
    draw: ImageDraw.ImageDraw, left: int, top: int, title: str, shares: Sequence[tuple[str, float]]
) -> None:
    """Draw the title and, below, a line of text over a bar for each share."""
    head, font = typeface(17), typeface(15)
    draw.text((left, top), shortened(title, TEXT, head), FAINT, head)
    line = (CELL - 28) // max(5, len(shares))
    for i, (name, share) in enumerate(shares):
        y, percent = top + 34 + i * line, f"{share:.1%}"
        space = TEXT - round(font.getlength(percent)) - 12
        draw.text((left, y), shortened(name, space, font), INK, font)
        draw.text((left + TEXT, y), percent, INK, font, anchor="ra")
        bottom = y + line - 9
        draw.rectangle((left, bottom - 6, left + TEXT - 1, bottom), TRACK)
        draw.rectangle((left, bottom - 6, left + round((TEXT - 1) * share), bottom), BAR)
