"""Images of which only some parts are shown, and the scores that are left to them."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.checks import Report
from jaxcnn.explain.chunks import Progress, mapped
from jaxcnn.explain.network import Network
from jaxcnn.explain.segments import labels_of
from jaxcnn.typing import Array


def parts_and_masks(
    report: Report,
    x: Any,
    segments: Any,
    samples: Any,
    masks: Any,
    draw: Callable[[int, int], Array],
) -> tuple[Array, Array]:
    """Return the labels of the parts (N, H, W), and which parts each sample shows, (n, M).

    Args:
      report: Takes what is wrong.
      x: The images.
      segments: A grid, or labels.
      samples: How many masks are drawn.
      masks: The masks, or None for those that are drawn.
      draw: Draws masks, of their number and that of the parts.
    """
    number = report.count("samples", samples)
    labels, count = labels_of(report, x, segments)
    rule, fix = "must make two parts or more", "use more, or smaller ones"
    report.expect(count > 1 or bool(report.problems), "segments", segments, rule, fix)
    if masks is None:
        return labels, draw(number, max(count, 2))
    ok = jnp.ndim(masks) == 2 and jnp.shape(masks)[1] == count and len(masks) > 0
    rule = f"must have shape (n, {count}), one column for each part"
    report.expect(ok, "masks", masks, rule, "give the masks of these segments")
    return labels, jnp.asarray(masks, bool)


@functools.partial(jax.jit, static_argnames=("chunk", "progress"))
def shown_scores(
    network: Network,
    x: Array,
    cover: Array,
    labels: Array,
    shown: Array,
    chunk: int,
    progress: Progress,
) -> tuple[Array, Array, Array]:
    """Return the scores of x (N,), of what covers it (N,), and of x shown in parts (n, N)."""
    network = network.settled(x)

    def score(row: Array) -> Array:
        return network.scores(jnp.where(row[labels][..., None], x, cover))

    return network.scores(x), network.scores(cover), mapped(score, shown, chunk, progress)
