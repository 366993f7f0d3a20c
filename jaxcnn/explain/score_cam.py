"""Class activation maps without gradients: each map is weighted by what it alone shows."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.chunks import mapped
from jaxcnn.explain.maps import map_layer, spread
from jaxcnn.explain.network import Network, examine
from jaxcnn.taps import features
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables


def score_cam(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    at: str | None = None,
    chunk: int = 16,
) -> Array:
    r"""Return :math:`\max(\sum_k w_k A_k, 0)`, w the softmax of the scores of :math:`x \odot H_k`.

    :math:`H_k` is the map :math:`A_k` at the size of the image, scaled to [0, 1]. The score of
    a black image, which the paper subtracts from all, changes no softmax.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point, whose zero shows nothing.
      target: A class, classes (N,), `"top1"` (the class of x), a function, or a target of
        `jaxcnn.taps`.
      at: The layer with maps A (N, h, w, K), e.g. `stage4`; None for the last there is.
      chunk: How many masked images are computed at once; bounds the memory.

    Returns:
      Maps (N, H, W).

    Raises:
      ValueError: If x holds NaN, the layer is not there or has no maps, the network has no
        convolution, or the target is out of range.
      TypeError: If x is not floating-point, or target is none.

    Source: Wang et al. 2020, "Score-CAM", algorithm 1.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: score_cam(model, v, x, 3), variables, x).shape
      (2, 32, 32)
    """
    report = Report("score_cam", x)
    report.count("chunk", chunk)
    network = examine(report, model, variables, x, target, 4)
    return _score_cam(network, x, map_layer("score_cam", model, variables, x, at), chunk)


@functools.partial(jax.jit, static_argnames=("at", "chunk"))
def _score_cam(network: Network, x: Array, at: str, chunk: int) -> Array:
    network = network.settled(x)
    maps = features(network.model, network.variables, x, at)[at].astype(x.dtype)

    def score(channel: Array) -> Array:
        mask = spread(maps[..., channel], x)
        low, high = (f(mask, axis=(1, 2), keepdims=True) for f in (jnp.min, jnp.max))
        mask = (mask - low) / jnp.where(high > low, high - low, 1)
        return network.scores(x * mask[..., None])

    scores = mapped(score, jnp.arange(maps.shape[-1]), chunk)
    weights = jax.nn.softmax(scores, axis=0).astype(x.dtype)
    return spread(jnp.maximum(jnp.einsum("nhwk,kn->nhw", maps, weights), 0), x)
