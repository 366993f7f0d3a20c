"""Gradients of noisy copies of the image: their mean, and how much they vary."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.chunks import Progress, summed
from jaxcnn.explain.document import documented
from jaxcnn.explain.network import Network, examine
from jaxcnn.explain.perturb import change, draws_of
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Key, Variables


@documented("(2, 32, 32, 3)")
def smooth_grad(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    key: Key | None = None,
    samples: int = 32,
    noise: float | Array = 0.15,
    squared: bool = False,
    chunk: int = 8,
    progress: Progress = None,
) -> Array:
    r"""Return :math:`\frac1n \sum_k \partial s(x + \epsilon_k) / \partial x`, normal noise.

    All images of a batch meet the same noise, so that a map does not depend on its neighbours.

    Args:
      x: Images (N, H, W, C), floating-point; also (N, *S, C).
      samples: Number n of noisy copies.
      noise: Deviation of the noise, as a share of each image's range (max - min); or the noise
        itself, (n, H, W, C) or (n, N, H, W, C), which is added as it is.
      squared: Average the squares of the gradients (SmoothGrad-squared).

    Returns:
      Signed mean gradients (N, H, W, C).

    Source: Smilkov et al. 2017, "SmoothGrad", section 2; squared: Hooker et al. 2019.
    """
    report = Report("smooth_grad", x)
    drawn = draws_of(report, x, key, samples, noise)
    report.count("chunk", chunk)
    network = examine(report, model, variables, x, target)
    mean, square = _moments(network, x, *drawn, False, chunk, progress)
    return square if squared else mean


@documented("(2, 32, 32, 3)")
def var_grad(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    key: Key | None = None,
    samples: int = 32,
    noise: float | Array = 0.15,
    chunk: int = 8,
    progress: Progress = None,
) -> Array:
    r"""Return the variance of :math:`\partial s(x + \epsilon) / \partial x` over normal noise.

    Args:
      x: Images (N, H, W, C), floating-point; also (N, *S, C).
      samples: Number n of noisy copies.
      noise: Deviation of the noise, as a share of each image's range (max - min); or the noise
        itself, (n, H, W, C) or (n, N, H, W, C), which is added as it is.

    Returns:
      Variances (N, H, W, C), of the population (divided by `samples`).

    Source: Adebayo et al. 2018, "Local explanation methods for deep neural networks lack
    sensitivity to parameter values", section 3.
    """
    report = Report("var_grad", x)
    drawn = draws_of(report, x, key, samples, noise)
    report.count("chunk", chunk)
    network = examine(report, model, variables, x, target)
    mean, square = _moments(network, x, *drawn, True, chunk, progress)
    return jnp.maximum(square - mean**2, 0)


@functools.partial(jax.jit, static_argnames=("shifted", "chunk", "progress"))
def _moments(
    network: Network,
    x: Array,
    share: Array | None,
    draws: Array,
    shifted: bool,
    chunk: int,
    progress: Progress,
) -> tuple[Array, Array]:
    """Return the mean and the mean square of the gradients, less that of x where `shifted`.

    The shift changes no variance, and keeps it from being a small difference of large numbers.
    """
    network = network.settled(x)
    centre = network.gradients(x).gradient if shifted else jnp.zeros_like(x)

    def powers(draw: Any) -> tuple[Array, Array]:
        gradient = network.gradients(x + change(x, share, draw)).gradient - centre
        return gradient, gradient**2

    return jax.tree.map(lambda s: s / len(draws), summed(powers, draws, chunk, progress))
