"""How much the score falls when a window of the image is covered."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.chunks import Progress, mapped
from jaxcnn.explain.document import documented
from jaxcnn.explain.network import Network, baseline_of, examine
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, IntOrTuple, Variables


@documented("(2, 32, 32)")
def occlusion(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    window: IntOrTuple = 8,
    stride: IntOrTuple | None = None,
    baseline: float | Array = 0.0,
    chunk: int = 32,
    progress: Progress = None,
) -> Array:
    r"""Return by how much the score falls, on average, when a window over the pixel is covered.

    Windows start at 0, `stride`, ...; the last ones end at the border of the image, so that
    every pixel is covered at least once. All channels are covered together.

    Args:
      window: Height and width of the window in pixels.
      stride: Pixels from one window to the next; None for half the window.
      baseline: What covers: a number, or an array that broadcasts to x.

    Returns:
      Maps (N, H, W); positive where the image speaks for the target.

    Source: Zeiler & Fergus 2013, "Visualizing and understanding convolutional networks", 4.2.
    """
    report = Report("occlusion", x)
    sides = report.ints("window", window, 2)
    half = tuple(-(-side // 2) for side in sides)
    steps = report.ints("stride", half if stride is None else stride, 2)
    report.count("chunk", chunk)
    if getattr(x, "ndim", 0) == 4:
        ok = all(side <= size for side, size in zip(sides, x.shape[1:3], strict=True))
        rule = f"must fit into the image, {tuple(x.shape[1:3])}"
        report.expect(ok, "window", window, rule, "use a smaller window")
    ok = all(step <= side for step, side in zip(steps, sides, strict=True))
    rule, fix = f"leaves pixels between windows of {sides}", "use a stride up to the window"
    report.expect(ok, "stride", stride, rule, fix)
    cover = baseline_of(report, x, baseline)
    network = examine(report, model, variables, x, target, 4)
    return _occlusion(network, x, cover, sides, steps, chunk, progress)


@functools.partial(jax.jit, static_argnames=("window", "stride", "chunk", "progress"))
def _occlusion(
    network: Network,
    x: Array,
    cover: Array,
    window: Sequence[int],
    stride: Sequence[int],
    chunk: int,
    progress: Progress,
) -> Array:
    network = network.settled(x)
    rows, columns = map(covered, x.shape[1:3], window, stride)
    places = np.stack(np.meshgrid(range(len(rows)), range(len(columns)), indexing="ij"), -1)

    def score(place: Any) -> Array:
        mask = jnp.asarray(rows)[place[0], :, None] & jnp.asarray(columns)[place[1], None]
        return network.scores(jnp.where(mask[None, ..., None], cover, x))

    scores = mapped(score, jnp.asarray(places.reshape(-1, 2)), chunk, progress)
    falls = (network.scores(x)[None] - scores).reshape(len(rows), len(columns), len(x))
    total = jnp.einsum("abn,ah,bw->nhw", falls, *(jnp.asarray(m, x.dtype) for m in (rows, columns)))
    return total / jnp.asarray(np.outer(rows.sum(0), columns.sum(0))[None], x.dtype)


def covered(size: int, window: int, stride: int) -> np.ndarray:
    """Return which pixels of an axis each window covers, (windows, size).

    >>> covered(5, window=3, stride=2).astype(int)
    array([[1, 1, 1, 0, 0],
           [0, 0, 1, 1, 1]])
    """
    starts = stride * np.arange(-(-(size - window) // stride) + 1)[:, None]
    pixels = np.arange(size)[None]
    return (pixels >= starts) & (pixels < starts + window)
