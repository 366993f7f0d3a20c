"""Images where a map of points puts them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw

from jaxcnn.images.draw import INK, WHITE, Color, fit, typeface

PALETTE: tuple[Color, ...] = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233),
    (213, 94, 0), (240, 228, 66), (70, 70, 70), (136, 34, 85), (153, 153, 51),
)  # fmt: skip
"""Okabe and Ito's colours (2008), which tell classes apart without full colour vision, and two."""

MARGIN, DOT, LEGEND = 24, 3, 24
"""Pixels around the points, radius of a point, height of a line of the legend."""


class ByNumber(Protocol):
    """Images by number: a list of them, or what reads them when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray: ...


def scatter(
    points: np.ndarray,
    images: ByNumber,
    *,
    labels: Sequence[int] | None = None,
    names: Sequence[str] = (),
    size: int = 900,
    thumbnail: int = 40,
) -> np.ndarray:
    """Show points as dots, and as many of their images as there is room for, none over another.

    The map keeps its proportions: equal distances are equally long along both axes.

    Args:
        points: Places, (N, 2), finite; any unit. The second coordinate grows upwards.
        images: N images, uint8 (H, W, 1) or (H, W, 3); asked for only where they are shown, the
            first ones first.
        labels: Class of each point, which gives frames and dots their colour; ten colours,
            then again.
        names: Name of each class, for a legend; none for no legend.
        size: Side of the square of the points, in pixels, >= 64.
        thumbnail: Side of an image in pixels, >= 4.

    Returns:
        uint8 (height, size, 3), where a legend makes it higher.

    Raises:
        ValueError: If lengths differ, a point is not finite or a number cannot be meant.

    Example:
        >>> from jaxcnn.images import scatter
        >>> scatter(np.eye(2), [np.zeros((8, 8, 1), np.uint8)] * 2, size=200).shape
        (200, 200, 3)
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"points have shape {points.shape}; they must be (N, 2), N >= 1")
    if not np.isfinite(points).all():
        raise ValueError(f"points of shape {points.shape} must be finite")
    lengths = {len(points), len(images), len(points if labels is None else labels)}
    if len(lengths) > 1 or size < 64 or thumbnail < 4:
        raise ValueError(
            f"scatter needs an image and, if any, a label for each of {len(points)} points, "
            f"size >= 64 and thumbnail >= 4; got {len(images)} images, "
            f"{'no' if labels is None else len(labels)} labels, {size=}, {thumbnail=}"
        )
    colors = [
        INK if labels is None else PALETTE[labels[i] % len(PALETTE)] for i in range(len(points))
    ]
    places = _places(points, size, thumbnail)
    canvas = Image.new("RGB", (size, size), WHITE)
    draw = ImageDraw.Draw(canvas)
    for (x, y), color in zip(places, colors, strict=True):
        draw.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill=color)
    for i in _apart(places, thumbnail + 4):
        _paste(canvas, images[i], *places[i], thumbnail, colors[i], framed=labels is not None)
    picture = np.asarray(canvas)
    return np.concatenate([picture, _legend(names, size)]) if names else picture


def _places(points: np.ndarray, size: int, thumbnail: int) -> list[tuple[int, int]]:
    """Return the pixel of each point, one scale for both axes, the map in the middle."""
    low, high = points.min(0), points.max(0)
    room = size - 2 * MARGIN - thumbnail
    factor = room / max(float((high - low).max()), 1e-12)
    centred = (points - (low + high) / 2) * [factor, -factor] + size / 2
    return [(round(x), round(y)) for x, y in centred]


def _apart(places: Sequence[tuple[int, int]], step: int) -> list[int]:
    """Return points, the first ones first, of which no two are nearer than a step on both axes."""
    cells: dict[tuple[int, int], list[tuple[int, int]]] = {}
    chosen = []
    for i, (x, y) in enumerate(places):
        cell = (x // step, y // step)
        near = [p for a in (-1, 0, 1) for b in (-1, 0, 1)
                for p in cells.get((cell[0] + a, cell[1] + b), ())]  # fmt: skip
        if all(abs(x - u) >= step or abs(y - v) >= step for u, v in near):
            cells.setdefault(cell, []).append((x, y))
            chosen.append(i)
    return chosen


def _paste(
    canvas: Image.Image, image: np.ndarray, x: int, y: int, side: int, color: Color, *, framed: bool
) -> None:
    """Put an image with its middle at a place, in a frame of the colour of its class."""
    picture = fit(image, side)
    left, top = x - side // 2, y - side // 2
    if framed:
        canvas.paste(color, (left - 2, top - 2, left + side + 2, top + side + 2))
    canvas.paste(Image.fromarray(picture), (left, top))


def _legend(names: Sequence[str], width: int) -> np.ndarray:
    """Return lines with the colour and the name of each class."""
    font = typeface(15)
    cell = max(60, round(max(font.getlength(name) for name in names)) + 40)
    columns = max(1, (width - 2 * MARGIN) // cell)
    rows = -(-len(names) // columns)
    canvas = Image.new("RGB", (width, rows * LEGEND + MARGIN), WHITE)
    draw = ImageDraw.Draw(canvas)
    for i, name in enumerate(names):
        x, y = MARGIN + i % columns * cell, i // columns * LEGEND + 4
        draw.rectangle((x, y + 2, x + 12, y + 14), fill=PALETTE[i % len(PALETTE)])
        draw.text((x + 20, y), name, INK, font)
    return np.asarray(canvas)
