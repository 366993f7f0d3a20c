"""Gradients of noisy copies of the image: their mean, and how much they vary."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report, is_number
from jaxcnn.explain.chunks import summed
from jaxcnn.explain.network import Network, examine
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Key, Variables


def smooth_grad(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    key: Key | None = None,
    samples: int = 32,
    noise: float = 0.15,
    squared: bool = False,
    chunk: int = 8,
) -> Array:
    r"""Return :math:`\frac1n \sum_k \partial s(x + \epsilon_k) / \partial x`, normal noise.

    All images of a batch meet the same noise, so that a map does not depend on its neighbours.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point; also (N, *S, C).
      target: A class, classes (N,), `"top1"` (the class of x), a function, or a target of
        `jaxcnn.taps`.
      key: Random key; None for always the same.
      samples: Number n of noisy copies.
      noise: Deviation of the noise, as a share of each image's range (max - min).
      squared: Average the squares of the gradients (SmoothGrad-squared).
      chunk: How many copies are computed at once; bounds the memory.

    Returns:
      Signed mean gradients (N, H, W, C).

    Raises:
      ValueError: If x holds NaN, or a number is out of range.
      TypeError: If x is not floating-point, or target is none.

    Source: Smilkov et al. 2017, "SmoothGrad", section 2; squared: Hooker et al. 2019.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: smooth_grad(model, v, x, 3), variables, x).shape
      (2, 32, 32, 1)
    """
    report = Report("smooth_grad", x)
    _check(report, samples, noise, chunk)
    network = examine(report, model, variables, x, target)
    mean, square = _moments(network, x, _keys(key, samples), noise, False, chunk)
    return square if squared else mean


def var_grad(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    key: Key | None = None,
    samples: int = 32,
    noise: float = 0.15,
    chunk: int = 8,
) -> Array:
    r"""Return the variance of :math:`\partial s(x + \epsilon) / \partial x` over normal noise.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point; also (N, *S, C).
      target: A class, classes (N,), `"top1"` (the class of x), a function, or a target of
        `jaxcnn.taps`.
      key: Random key; None for always the same.
      samples: Number of noisy copies.
      noise: Deviation of the noise, as a share of each image's range (max - min).
      chunk: How many copies are computed at once; bounds the memory.

    Returns:
      Variances (N, H, W, C), of the population (divided by `samples`).

    Raises:
      ValueError: If x holds NaN, or a number is out of range.
      TypeError: If x is not floating-point, or target is none.

    Source: Adebayo et al. 2018, "Local explanation methods for deep neural networks lack
    sensitivity to parameter values", section 3.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: var_grad(model, v, x, 3), variables, x).shape
      (2, 32, 32, 1)
    """
    report = Report("var_grad", x)
    _check(report, samples, noise, chunk)
    network = examine(report, model, variables, x, target)
    mean, square = _moments(network, x, _keys(key, samples), noise, True, chunk)
    return jnp.maximum(square - mean**2, 0)


def _check(report: Report, samples: Any, noise: Any, chunk: Any) -> None:
    report.count("samples", samples)
    report.count("chunk", chunk)
    ok = not is_number(noise) or noise >= 0
    report.expect(ok, "noise", noise, "must be >= 0", "use a share of the range, e.g. 0.15")


def _keys(key: Key | None, samples: int) -> Array:
    return jax.random.split(jax.random.key(0) if key is None else key, samples)


@functools.partial(jax.jit, static_argnames=("shifted", "chunk"))
def _moments(
    network: Network, x: Array, keys: Array, noise: Array, shifted: bool, chunk: int
) -> tuple[Array, Array]:
    """Return the mean and the mean square of the gradients, less that of x where `shifted`.

    The shift changes no variance, and keeps it from being a small difference of large numbers.
    """
    network = network.settled(x)
    axes = tuple(range(1, x.ndim))
    deviation = noise * (x.max(axes, keepdims=True) - x.min(axes, keepdims=True))
    centre = network.gradients(x).gradient if shifted else jnp.zeros_like(x)

    def powers(key: Key) -> tuple[Array, Array]:
        noisy = x + deviation * jax.random.normal(key, x.shape[1:], x.dtype)[None]
        gradient = network.gradients(noisy).gradient - centre
        return gradient, gradient**2

    return jax.tree.map(lambda total: total / len(keys), summed(powers, keys, chunk))
