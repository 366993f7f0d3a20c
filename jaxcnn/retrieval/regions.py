"""R-MAC: the maxima of overlapping squares, which find what fills a part of the image."""

import jax.numpy as jnp

from jaxcnn.checks import Report
from jaxcnn.retrieval.pooling import check_maps
from jaxcnn.typing import Array

OVERLAP = 0.4
"""Share that neighbouring squares of the largest size should have in common."""
MOST = 7
"""Squares along the longer side that are tried."""


def region_grid(height: int, width: int, levels: int = 3) -> list[tuple[int, int, int]]:
    """Return the squares of R-MAC, each as its top, left and side in cells.

    Level l has squares of side 2 min(H, W) / (l + 1): l along the shorter side, and along the
    longer side l + m - 1, with the m for which those of level 1 overlap by nearly 40 %.

    Args:
      height: Rows of the maps, >= 1.
      width: Their columns, >= 1.
      levels: Number of sizes, >= 1; smaller than one cell none is made.

    Returns:
      Top, left and side of each.

    Raises:
      ValueError: If a number is not a positive int.

    Source: Tolias et al. 2016, "Particular object retrieval with integral max-pooling of CNN
    activations", section 3.2 and the authors' implementation, which rounds down.

    Example:
      >>> region_grid(4, 6, 1)
      [(0, 0, 4), (0, 2, 4)]
      >>> len(region_grid(7, 7))
      14
    """
    report = Report("region_grid")
    for name, value in (("height", height), ("width", width), ("levels", levels)):
        report.count(name, value)
    report.done()
    short, long = min(height, width), max(height, width)
    more = extra(short, long)
    found = []
    for level in range(1, levels + 1):
        side = 2 * short // (level + 1)
        if side < 1:
            break
        down, right = (level + (more if size > short else 0) for size in (height, width))
        tops, lefts = starts(height, side, down), starts(width, side, right)
        found += [(top, left, side) for top in tops for left in lefts]
    return found


def rmac(maps: Array, *, levels: int = 3) -> Array:
    r"""Return the largest activations in each square of `region_grid`.

    The image's vector comes later, as in the paper: `compact` normalises the vector of each
    square, whitens and normalises it again, adds all up, and normalises the sum.

    Args:
      maps: (N, H, W, C), floating-point.
      levels: Number of sizes of squares, >= 1.

    Returns:
      (N, R, C) for R squares.

    Raises:
      ValueError: If there are no four axes, or `levels` is not positive.
      TypeError: If `maps` is not floating-point.

    Source: Tolias et al. 2016, section 3.2.

    Example:
      >>> rmac(jnp.arange(16.0).reshape(1, 4, 4, 1), levels=2)[0, :, 0].tolist()
      [15.0, 5.0, 7.0, 13.0, 15.0]
    """
    check_maps("rmac", maps)
    grid = region_grid(maps.shape[1], maps.shape[2], levels)
    parts = [maps[:, top : top + side, left : left + side] for top, left, side in grid]
    return jnp.stack([part.max((1, 2)) for part in parts], 1)


def extra(short: int, long: int) -> int:
    """Return how many squares more the longer side has, so that they overlap as they should."""
    if short == long:
        return 0
    steps = [(long - short) / count for count in range(1, MOST)]
    errors = [abs((short - step) / short - OVERLAP) for step in steps]
    return errors.index(min(errors)) + 1


def starts(size: int, side: int, count: int) -> list[int]:
    """Return where `count` squares begin, evenly from one end to the other."""
    return [i * (size - side) // max(count - 1, 1) for i in range(count)]
