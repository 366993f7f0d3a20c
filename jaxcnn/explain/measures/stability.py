"""How much a map changes when the image hardly does."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.chunks import mapped
from jaxcnn.explain.network import examine
from jaxcnn.explain.perturb import change, draws_of
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Key, Variables


def max_sensitivity(
    method: Callable[..., Array],
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    key: Key | None = None,
    samples: int = 10,
    radius: float | Array = 0.02,
    chunk: int = 1,
    **options: Any,
) -> Array:
    r"""Return :math:`\max_\delta |E(x + \delta) - E(x)| / |E(x)|` of a method E, small if stable.

    Args:
      method: A method of `jaxcnn.explain`, or a function that is called like one.
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point.
      target: What is explained; `"top1"` is the class of x for all of its changes.
      key: Random key; None for always the same.
      samples: Number of changes, uniform in every pixel.
      radius: The largest change of a pixel, as a share of each image's range (max - min); or the
        changes themselves, (n, H, W, C) or (n, N, H, W, C).
      chunk: How many maps of the batch are computed at once; bounds the memory.
      **options: Further arguments of the method.

    Returns:
      Relative changes (N,), by Euclidean norms.

    Raises:
      ValueError: If x holds NaN, or a number is out of range.
      TypeError: If x is not floating-point, or target is none.

    Source: Yeh et al. 2019, "On the (in)fidelity and sensitivity of explanations", definition
    3.1.

    Example:
      >>> from jaxcnn.explain import saliency
      >>> variables = {"params": {"kernel": jnp.ones((3, 1))}}
      >>> model, x = nn.Dense(1, use_bias=False), jnp.ones((2, 3))
      >>> max_sensitivity(saliency, model, variables, x, 0, radius=0.1)
      Array([0., 0.], dtype=float32)
    """
    report = Report("max_sensitivity", x)
    share, draws = draws_of(report, x, key, samples, radius, "radius")
    report.count("chunk", chunk)
    network = examine(report, model, variables, x, target).settled(x)
    maps = method(model, variables, x, network.target, **options)

    def distance(draw: Array) -> Array:
        near = x + change(x, share, draw, _uniform)
        return _norm(method(model, variables, near, network.target, **options) - maps)

    scale = _norm(maps)
    return mapped(distance, draws, chunk).max(0) / jnp.where(scale > 0, scale, 1)


def _uniform(key: Key, shape: tuple[int, ...], dtype: Any) -> Array:
    return jax.random.uniform(key, shape, dtype, -1, 1)


def _norm(maps: Array) -> Array:
    return jnp.sqrt((maps.reshape(len(maps), -1) ** 2).sum(1))
