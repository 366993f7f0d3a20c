"""Class activation maps: the maps of a layer, weighted by what they do for the target."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.maps import map_layer, spread
from jaxcnn.explain.network import Network, examine
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables

Rule = Callable[[Array, Array], Array]
"""Maps the activations and their gradients, both (N, h, w, C), to weights that broadcast."""


def grad_cam(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    at: str | None = None,
    relu: bool = True,
    upsample: bool = True,
) -> Array:
    r"""Return :math:`\max(\sum_k w_k A_k, 0)`, w the mean of :math:`\partial s/\partial A_k`.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point.
      target: A class, classes (N,), `"top1"`, a function, or a target of `jaxcnn.taps`.
      at: The layer with maps A (N, h, w, K), e.g. `stage4`; None for the last there is.
      relu: Keep only what speaks for the target.
      upsample: Bring the maps to the size of the images, bilinear.

    Returns:
      Maps (N, H, W), or (N, h, w) as the layer has them.

    Raises:
      ValueError: If x holds NaN, the layer is not there or has no maps, the network has no
        convolution, or the target is out of range.
      TypeError: If x is not floating-point, or target is none.

    Source: Selvaraju et al. 2017, "Grad-CAM", equations 1 and 2.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: grad_cam(model, v, x, 3), variables, x).shape
      (2, 32, 32)
    """
    network = examine(Report("grad_cam", x), model, variables, x, target, 4)
    place = map_layer("grad_cam", model, variables, x, at)
    return _cam(network, x, place, _mean_gradient, relu, upsample)


def grad_cam_pp(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    at: str | None = None,
    relu: bool = True,
    upsample: bool = True,
) -> Array:
    r"""Return Grad-CAM++, whose weights count each place of an object alike.

    :math:`w_k = \sum_{ij} \alpha_{kij} \max(g_{kij}, 0)`,
    :math:`\alpha = g^2 / (2 g^2 + \sum_{ij} A_k g^3)`, with the gradients g of the score. The
    paper derives it for exp(s), which multiplies each map by one number; that is left out.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point.
      target: A class, classes (N,), `"top1"`, a function, or a target of `jaxcnn.taps`.
      at: The layer with maps A (N, h, w, K), e.g. `stage4`; None for the last there is.
      relu: Keep only what speaks for the target.
      upsample: Bring the maps to the size of the images, bilinear.

    Returns:
      Maps (N, H, W), or (N, h, w) as the layer has them.

    Raises:
      ValueError: If x holds NaN, the layer is not there or has no maps, the network has no
        convolution, or the target is out of range.
      TypeError: If x is not floating-point, or target is none.

    Source: Chattopadhyay et al. 2018, "Grad-CAM++", equations 5 and 19.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: grad_cam_pp(model, v, x, 3), variables, x).shape
      (2, 32, 32)
    """
    network = examine(Report("grad_cam_pp", x), model, variables, x, target, 4)
    place = map_layer("grad_cam_pp", model, variables, x, at)
    return _cam(network, x, place, _plus_plus, relu, upsample)


def layer_cam(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    at: str | None = None,
    relu: bool = True,
    upsample: bool = True,
) -> Array:
    r"""Return :math:`\max(\sum_k \max(g_k, 0) A_k, 0)`, fine enough for early layers too.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point.
      target: A class, classes (N,), `"top1"`, a function, or a target of `jaxcnn.taps`.
      at: The layer with maps A (N, h, w, K), e.g. `stage2`; None for the last there is.
      relu: Keep only what speaks for the target.
      upsample: Bring the maps to the size of the images, bilinear.

    Returns:
      Maps (N, H, W), or (N, h, w) as the layer has them.

    Raises:
      ValueError: If x holds NaN, the layer is not there or has no maps, the network has no
        convolution, or the target is out of range.
      TypeError: If x is not floating-point, or target is none.

    Source: Jiang et al. 2021, "LayerCAM", equations 6 to 8.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: layer_cam(model, v, x, 3, at="conv1"), variables, x).shape
      (2, 32, 32)
    """
    network = examine(Report("layer_cam", x), model, variables, x, target, 4)
    place = map_layer("layer_cam", model, variables, x, at)
    return _cam(network, x, place, _positive, relu, upsample)


def _mean_gradient(maps: Array, gradient: Array) -> Array:
    return gradient.mean((1, 2), keepdims=True)


def _plus_plus(maps: Array, gradient: Array) -> Array:
    square = gradient**2
    below = 2 * square + (maps * gradient**3).sum((1, 2), keepdims=True)
    alpha = jnp.where(below == 0, 0, square / jnp.where(below == 0, 1, below))
    return (alpha * jnp.maximum(gradient, 0)).sum((1, 2), keepdims=True)


def _positive(maps: Array, gradient: Array) -> Array:
    return jnp.maximum(gradient, 0)


@functools.partial(jax.jit, static_argnames=("at", "rule", "relu", "upsample"))
def _cam(network: Network, x: Array, at: str, rule: Rule, relu: bool, upsample: bool) -> Array:
    found = network.gradients(x, at)
    maps, gradient = (v.astype(x.dtype) for v in (found.activation, found.gradient))
    cam = (rule(maps, gradient) * maps).sum(-1)
    cam = jnp.maximum(cam, 0) if relu else cam
    return spread(cam, x) if upsample else cam
