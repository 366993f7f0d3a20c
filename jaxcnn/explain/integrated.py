"""Gradients along the way from a baseline to the image, whose shares add up to the score."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report, is_floating
from jaxcnn.explain.chunks import Progress, summed
from jaxcnn.explain.document import documented
from jaxcnn.explain.network import Network, baseline_of, examine
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables


@documented("(2, 32, 32, 3)")
def integrated_gradients(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    baseline: float | Array = 0.0,
    steps: int = 64,
    chunk: int = 8,
    progress: Progress = None,
) -> Array:
    r"""Return :math:`(x - b) \odot \int_0^1 \partial s(b + t (x - b)) / \partial x \, dt`.

    The integral is a Gauss-Legendre sum: exact after a few steps for smooth networks, while the
    kinks of ReLUs leave an error that falls like 1 / steps; see `completeness_error`.

    Args:
      x: Images (N, H, W, C), floating-point; also (N, *S, C).
      baseline: The image b that shows nothing: a number, or an array that broadcasts to x.
      steps: Number of gradients, at least 1.

    Returns:
      Signed shares (N, H, W, C), whose sum is about s(x) - s(b).

    Source: Sundararajan et al. 2017, "Axiomatic attribution for deep networks", equation 1.
    """
    report = Report("integrated_gradients", x)
    report.count("steps", steps)
    report.count("chunk", chunk)
    start = baseline_of(report, x, baseline)
    network = examine(report, model, variables, x, target)
    return _integrated(network, x, start, steps, chunk, progress)


@documented()
def completeness_error(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    shares: Array,
    *,
    baseline: float | Array = 0.0,
) -> Array:
    r"""Return :math:`|\sum a - (s(x) - s(b))| / |s(x) - s(b)|`, which is 0 for a complete map.

    It is large where x and the baseline have almost the same score, whatever the map.

    Args:
      shares: The map a that is measured, (N, ...).
      baseline: The image b from which scores are counted.

    Returns:
      Relative errors (N,); a share, not percent. NaN or infinite where both scores are equal.

    Source: Sundararajan et al. 2017, proposition 1.

    Example:
      >>> model = nn.Dense(1, use_bias=False)
      >>> variables, x = {"params": {"kernel": jnp.array([[2.0]])}}, jnp.array([[3.0]])
      >>> completeness_error(model, variables, x, 0, jnp.array([[6.0]]))
      Array([0.], dtype=float32)
    """
    report = Report("completeness_error", x)
    ok = not is_floating(x) or jnp.shape(shares)[:1] == x.shape[:1]
    report.expect(ok, "shares", shares, "must have one map for each image", "explain the same x")
    start = baseline_of(report, x, baseline)
    network = examine(report, model, variables, x, target)
    gain = _gain(network, x, start)
    return jnp.abs(shares.reshape(len(shares), -1).sum(1) - gain) / jnp.abs(gain)


@functools.partial(jax.jit, static_argnames=("steps", "chunk", "progress"))
def _integrated(
    network: Network, x: Array, start: Array, steps: int, chunk: int, progress: Progress
) -> Array:
    network = network.settled(x)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    points = jnp.asarray(np.stack([nodes + 1, weights], 1) / 2, x.dtype)

    def weighted(point: Any) -> Array:
        return point[1] * network.gradients(start + point[0] * (x - start)).gradient

    return (x - start) * summed(weighted, points, chunk, progress)


@jax.jit
def _gain(network: Network, x: Array, start: Array) -> Array:
    network = network.settled(x)
    return network.scores(x) - network.scores(start)
