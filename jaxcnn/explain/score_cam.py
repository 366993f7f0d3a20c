"""Class activation maps without gradients: each map is weighted by what it alone shows."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.chunks import Progress, mapped
from jaxcnn.explain.document import documented
from jaxcnn.explain.maps import spread
from jaxcnn.explain.network import Network, examine
from jaxcnn.taps import features
from jaxcnn.taps.maps import map_layer
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables


@documented("(2, 32, 32)")
def score_cam(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    at: str | None = None,
    chunk: int = 16,
    progress: Progress = None,
) -> Array:
    r"""Return :math:`\max(\sum_k w_k A_k, 0)`, w the softmax of the scores of :math:`x \odot H_k`.

    :math:`H_k` is the map :math:`A_k` at the size of the image, scaled to [0, 1]. The score of
    a black image, which the paper subtracts from all, changes no softmax.

    Args:
      x: Images (N, H, W, C), floating-point, whose zero shows nothing.

    Returns:
      Maps (N, H, W).

    Source: Wang et al. 2020, "Score-CAM", algorithm 1.
    """
    report = Report("score_cam", x)
    report.count("chunk", chunk)
    network = examine(report, model, variables, x, target, 4)
    place = map_layer("score_cam", model, variables, x, at)
    return _score_cam(network, x, place, chunk, progress)


@functools.partial(jax.jit, static_argnames=("at", "chunk", "progress"))
def _score_cam(network: Network, x: Array, at: str, chunk: int, progress: Progress) -> Array:
    network = network.settled(x)
    maps = features(network.model, network.variables, x, at)[at].astype(x.dtype)

    def score(channel: Array) -> Array:
        mask = spread(maps[..., channel], x)
        low, high = (f(mask, axis=(1, 2), keepdims=True) for f in (jnp.min, jnp.max))
        mask = (mask - low) / jnp.where(high > low, high - low, 1)
        return network.scores(x * mask[..., None])

    scores = mapped(score, jnp.arange(maps.shape[-1]), chunk, progress)
    weights = jax.nn.softmax(scores, axis=0).astype(x.dtype)
    return spread(jnp.maximum(jnp.einsum("nhwk,kn->nhw", maps, weights), 0), x)
