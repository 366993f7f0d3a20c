"""How fast the score falls or rises as pixels go or come in the order of a map."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.chunks import Progress, mapped
from jaxcnn.explain.document import documented
from jaxcnn.explain.measures.heat import heat_of
from jaxcnn.explain.network import Network, baseline_of, examine
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables


@documented("(2, 21)", "x[..., 0]")
def deletion(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    maps: Array,
    *,
    steps: int = 20,
    baseline: float | Array = 0.0,
    chunk: int = 8,
    progress: Progress = None,
) -> Array:
    """Return the scores while the pixels that matter most are covered first.

    A map that names what the network looks at makes the score fall early: the smaller the `area`
    below the curve, the better. Take `jaxcnn.taps.Probability` as target, as the paper does.

    Args:
      steps: Number of equal shares in which the pixels are covered.

    Returns:
      Scores (N, steps + 1), from the whole image to none of it.

    Source: Petsiuk et al. 2018, "RISE", section 4.1.
    """
    options = (steps, baseline, chunk, progress)
    return _curve("deletion", False, model, variables, x, target, maps, *options)


@documented("(2, 21)", "x[..., 0]")
def insertion(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    maps: Array,
    *,
    steps: int = 20,
    baseline: float | Array = 0.0,
    chunk: int = 8,
    progress: Progress = None,
) -> Array:
    """Return the scores while the pixels that matter most are shown first.

    The larger the `area` below the curve, the better. The paper starts from the blurred image,
    which draws no edges around what is shown.

    Args:
      steps: Number of equal shares in which the pixels are shown.

    Returns:
      Scores (N, steps + 1), from nothing to the whole image.

    Source: Petsiuk et al. 2018, "RISE", section 4.1.
    """
    options = (steps, baseline, chunk, progress)
    return _curve("insertion", True, model, variables, x, target, maps, *options)


def area(curve: Array) -> Array:
    """Return the area below curves over [0, 1], by trapezoids: a mean score.

    Args:
      curve: Scores (N, steps + 1), as `deletion` and `insertion` return them.

    Returns:
      Areas (N,).

    Example:
      >>> area(jnp.array([[1.0, 0.5, 0.0]]))
      Array([0.5], dtype=float32)
    """
    return (curve[..., 1:] + curve[..., :-1]).mean(-1) / 2


def _curve(
    name: str,
    show: bool,
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: Any,
    maps: Any,
    steps: int,
    baseline: Any,
    chunk: int,
    progress: Progress,
) -> Array:
    report = Report(name, x)
    report.count("steps", steps)
    report.count("chunk", chunk)
    heat = heat_of(report, x, maps)
    cover = baseline_of(report, x, baseline)
    network = examine(report, model, variables, x, target, 4)
    first, then = (cover, x) if show else (x, cover)
    return _scores(network, x, first, then, heat, steps, chunk, progress)


@functools.partial(jax.jit, static_argnames=("steps", "chunk", "progress"))
def _scores(
    network: Network,
    x: Array,
    first: Array,
    then: Array,
    heat: Array,
    steps: int,
    chunk: int,
    progress: Progress,
) -> Array:
    network = network.settled(x)
    pixels = heat.reshape(len(heat), -1)
    ranks = jnp.argsort(jnp.argsort(-pixels, axis=1), axis=1).reshape(*heat.shape, 1)
    counts = jnp.round(jnp.linspace(0, pixels.shape[1], steps + 1)).astype(int)

    def score(count: Array) -> Array:
        return network.scores(jnp.where(ranks < count, then, first))

    return mapped(score, counts, chunk, progress).T
