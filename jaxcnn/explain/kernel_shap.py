"""Shapley values of the parts of an image, by a regression."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.core import Tracer

from jaxcnn.checks import Report
from jaxcnn.explain.chunks import Progress
from jaxcnn.explain.document import documented
from jaxcnn.explain.network import baseline_of, examine
from jaxcnn.explain.segments import paint
from jaxcnn.explain.shown import parts_and_masks, shown_scores
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Key, Variables


@documented("(2, 32, 32)", "segments=2, samples=14")
def kernel_shap(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    key: Key | None = None,
    segments: int | Array = 8,
    samples: int = 1000,
    masks: Array | None = None,
    baseline: float | Array = 0.0,
    chunk: int = 32,
    progress: Progress = None,
) -> Array:
    r"""Return the Shapley values of the parts: fair shares of :math:`s(x) - s(b)`.

    They solve :math:`\min_\phi \sum_k (s(z_k) - s(b) - \phi \cdot z_k)^2` under
    :math:`\sum_j \phi_j = s(x) - s(b)`, over random sets z of parts whose size m has
    probability :math:`\propto 1 / (m (M - m))`, each followed by its complement. They are exact
    where `samples` allows all :math:`2^M - 2` sets of M parts, which then are taken.

    Args:
      samples: Number of images that are looked at, besides x and b.
      masks: Which parts each of them shows, (n, M) for M parts, rather than random ones; they
        count alike.

    Returns:
      Maps (N, H, W), the share of its part at each pixel.

    Source: Lundberg & Lee 2017, "A unified approach to interpreting model predictions", theorem
    2; sampling and constraint: Covert & Lee 2021, "Improving KernelSHAP", section 3.
    """
    report = Report("kernel_shap", x)
    report.count("chunk", chunk)
    draw = functools.partial(_sets, key)
    labels, shown = parts_and_masks(report, x, segments, samples, masks, draw)
    if not isinstance(shown, Tracer) and not report.problems:
        rank, rule = np.linalg.matrix_rank(np.asarray(shown, float)), "tell not all parts apart"
        ok, given = bool(rank == shown.shape[1]), "samples" if masks is None else "masks"
        report.expect(ok, given, len(shown), rule, f"take more than {2 * shown.shape[1]} of them")
    cover = baseline_of(report, x, baseline)
    network = examine(report, model, variables, x, target, 4)
    scores = shown_scores(network, x, cover, labels, shown, chunk, progress)
    every = masks is None and len(shown) == 2 ** shown.shape[1] - 2
    weights = shapley_kernel(shown) if every else jnp.full(len(shown), 1 / len(shown))
    values = _regression(*(s.astype(x.dtype) for s in (*scores, weights)), shown)
    return paint(values, labels)


def shapley_kernel(sets: Array) -> Array:
    """Return the weight of each set, (n,), by its size.

    >>> shapley_kernel(jnp.array([[1, 0, 0], [1, 1, 0]]))
    Array([0.33333334, 0.33333334], dtype=float32)
    """
    count = sets.shape[1]
    sizes = range(1, count)
    table = [(count - 1) / (math.comb(count, m) * m * (count - m)) for m in sizes]
    return jnp.asarray([0.0, *table, 0.0])[jnp.asarray(sets, int).sum(1)]


def _sets(key: Key | None, samples: int, count: int) -> Array:
    """Return random sets, each followed by its complement; or all there are."""
    if samples >= 2**count - 2:
        return jnp.asarray(list(itertools.product((False, True), repeat=count))[1:-1])
    sizes, order = jax.random.split(jax.random.key(0) if key is None else key)
    m = np.arange(1, count)
    chances = jnp.asarray(1 / (m * (count - m)), jnp.float32)
    pairs = -(-samples // 2)
    size = 1 + jax.random.choice(sizes, count - 1, (pairs, 1), p=chances / chances.sum())
    half = jax.random.uniform(order, (pairs, count)).argsort(1).argsort(1) < size
    return jnp.stack([half, ~half], 1).reshape(-1, count)[:samples]


@jax.jit
def _regression(whole: Array, nothing: Array, rest: Array, weights: Array, shown: Array) -> Array:
    """Return the values (N, M) of weighted least squares that add up to whole - nothing."""
    z = shown.astype(rest.dtype)
    weighted = (z * weights[:, None]).T
    right = jnp.concatenate([weighted @ (rest - nothing[None]), jnp.ones((z.shape[1], 1))], 1)
    solved = jnp.linalg.solve(weighted @ z, right.astype(z.dtype))
    free, slope = solved[:, :-1], solved[:, -1:]
    excess = free.sum(0) - (whole - nothing)
    return (free - slope / slope.sum() * excess[None]).T
