"""Whether the strongest pixel of a map lies on the object."""

import jax.numpy as jnp

from jaxcnn.checks import Report, is_number
from jaxcnn.typing import Array


def pointing_game(maps: Array, where: Array, *, tolerance: float = 0.0) -> Array:
    """Return whether the largest value of each map lies on the object, or close to it.

    Args:
      maps: Maps (N, H, W), or (N, H, W, C), whose channels are added up.
      where: Masks of the objects (N, H, W), bool; or boxes (N, 4) of numbers, each (top, left,
        bottom, right) in pixels, without the last row and column.
      tolerance: Distance in pixels that still counts; the paper takes 15.

    Returns:
      Hits (N,), bool; their mean is the accuracy. An object without pixels is never hit.

    Raises:
      ValueError: If shapes do not fit, or the tolerance is negative.

    Source: Zhang et al. 2016, "Top-down neural attention by excitation backprop", section 4.1.

    Example:
      >>> maps = jnp.zeros((1, 4, 4)).at[0, 2, 3].set(1.0)
      >>> pointing_game(maps, jnp.array([[0, 0, 3, 3]]))
      Array([False], dtype=bool)
      >>> pointing_game(maps, jnp.array([[0, 0, 3, 3]]), tolerance=1)
      Array([ True], dtype=bool)
    """
    report = Report("pointing_game", maps)
    shape = jnp.shape(maps)
    ok = report.expect(len(shape) in (3, 4), "maps", maps, "must be (N, H, W[, C])", "add a batch")
    fits = jnp.shape(where) in (shape[:3], (*shape[:1], 4))
    rule, fix = f"must be masks {shape[:3]} or boxes ({shape[0]}, 4)", "give one for each map"
    report.expect(not ok or fits, "where", where, rule, fix)
    ok = not is_number(tolerance) or tolerance >= 0
    report.expect(ok, "tolerance", tolerance, "must be >= 0", "use pixels, e.g. 15")
    report.done()
    heat = maps.sum(-1) if maps.ndim == 4 else maps
    rows, columns = (jnp.arange(size) for size in shape[1:3])
    masks = jnp.asarray(where)
    if masks.ndim == 2:
        top, left, bottom, right = (masks[:, i, None] for i in range(4))
        tall = (rows[None] >= top) & (rows[None] < bottom)
        wide = (columns[None] >= left) & (columns[None] < right)
        masks = tall[:, :, None] & wide[:, None]
    best = heat.reshape(len(heat), -1).argmax(1)
    y, x = best // shape[2], best % shape[2]
    tall = (rows[None] - y[:, None]) ** 2
    wide = (columns[None] - x[:, None]) ** 2
    distances = tall[:, :, None] + wide[:, None]
    return (masks & (distances <= tolerance**2)).any((1, 2))
