"""A method's map as a picture, with its normalisation in words."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxcnn.images import Scale, around_grey, colorbar, overlay, sheet

MAGNITUDES = ("saliency", "smooth_grad", "var_grad")
"""Methods that tell how strongly a pixel acts, whichever way: the largest over the channels."""
IMAGES = ("deconvnet", "guided_backprop", "guided_grad_cam")
"""Methods whose maps are looked at as images, with the colours of the channels."""
PERCENTILE = 99.0
OPACITY = 0.75
CELL = 224
"""Pixels of a cell, at least half as many for small images."""


class Picture(NamedTuple):
    """What is looked at, and what its colours mean.

    >>> Picture(np.zeros((8, 8, 3), np.uint8), "0 to 1").note
    '0 to 1'
    """

    image: np.ndarray
    """uint8 (H, W, 3), or (H, W, 1)."""
    note: str
    scale: Scale | None = None

    @property
    def bar(self) -> np.ndarray | None:
        """The colours from low to high."""
        return colorbar(self.scale.colormap, 96, 6) if self.scale else None


def picture_of(name: str, values: np.ndarray, pixels: np.ndarray) -> Picture:
    """Return the picture of one map.

    Maps of regions lie over the image. Shares of single pixels, which add up to the score, are
    summed over the channels, and their signs told by the colours.

    Args:
        name: The method.
        values: Its map, (H, W) or (H, W, C).
        pixels: The image, uint8 (H, W, C).
    """
    values = np.asarray(values, np.float32)
    if name in IMAGES and values.ndim == 3 and values.shape[-1] in (1, 3):
        end = np.percentile(np.abs(values), PERCENTILE)
        note = f"grey 0, black and white at ±{end:.2g} ({PERCENTILE:g}th percentile)"
        return Picture(around_grey(values, percentile=PERCENTILE), note)
    if name in MAGNITUDES:
        values = np.abs(values).max(-1) if values.ndim == 3 else values
        scale = Scale.of(values, signed=False, percentile=PERCENTILE, colormap="inferno")
        return Picture(scale(values), str(scale), scale)
    if values.ndim == 3:
        values = values.sum(-1)
        scale = Scale.of(values, signed=True, percentile=PERCENTILE)
        return Picture(scale(values), str(scale), scale)
    scale = Scale.of(values, percentile=PERCENTILE)
    laid = overlay(pixels, values, scale=scale, opacity=OPACITY, fade=True)
    return Picture(laid, str(scale), scale)


def method_grid(pixels: np.ndarray, heading: str, shown: Sequence[Any]) -> np.ndarray:
    """Return the image and its maps side by side, each with its method, paper and normalisation.

    Args:
        pixels: The image, uint8 (H, W, C).
        heading: Line above all.
        shown: What methods made of it; those that refused are left out.
    """
    made = [(one.method, one.picture) for one in shown if one.picture is not None]
    side = max(pixels.shape[:2])
    cell = side * max(1, CELL // side)
    captions = [["what the network is given"]]
    captions += [[m.name, m.paper, *textwrap.wrap(p.note, cell // 8)] for m, p in made]
    columns = min(len(captions), 4 if len(captions) != 5 else 5)
    images = [pixels, *(picture.image for _, picture in made)]
    return sheet(images, captions, title=heading, columns=columns, cell=cell)
