"""Class activation maps: the maps of a layer, weighted by what they do for the target."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.document import documented
from jaxcnn.explain.maps import spread
from jaxcnn.explain.network import Network, examine
from jaxcnn.taps.maps import map_layer
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables

Rule = Callable[[Array, Array], Array]
"""Maps the activations and their gradients, both (N, h, w, C), to weights that broadcast."""


@documented("(2, 32, 32)")
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

    Returns:
      Maps (N, H, W), or (N, h, w) as the layer has them.

    Source: Selvaraju et al. 2017, "Grad-CAM", equations 1 and 2.
    """
    return _cam("grad_cam", _mean_gradient, model, variables, x, target, at, relu, upsample)


@documented("(2, 32, 32)")
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

    Returns:
      Maps (N, H, W), or (N, h, w) as the layer has them.

    Source: Chattopadhyay et al. 2018, "Grad-CAM++", equations 5 and 19.
    """
    return _cam("grad_cam_pp", _plus_plus, model, variables, x, target, at, relu, upsample)


@documented("(2, 32, 32)", 'at="stage1"')
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

    Returns:
      Maps (N, H, W), or (N, h, w) as the layer has them.

    Source: Jiang et al. 2021, "LayerCAM", equations 6 to 8.
    """
    return _cam("layer_cam", _positive, model, variables, x, target, at, relu, upsample)


def _mean_gradient(maps: Array, gradient: Array) -> Array:
    return gradient.mean((1, 2), keepdims=True)


def _plus_plus(maps: Array, gradient: Array) -> Array:
    square = gradient**2
    below = 2 * square + (maps * gradient**3).sum((1, 2), keepdims=True)
    alpha = jnp.where(below == 0, 0, square / jnp.where(below == 0, 1, below))
    return (alpha * jnp.maximum(gradient, 0)).sum((1, 2), keepdims=True)


def _positive(maps: Array, gradient: Array) -> Array:
    return jnp.maximum(gradient, 0)


def _cam(
    name: str,
    rule: Rule,
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: Any,
    at: str | None,
    relu: bool,
    upsample: bool,
) -> Array:
    network = examine(Report(name, x), model, variables, x, target, 4)
    return _weighted(network, x, map_layer(name, model, variables, x, at), rule, relu, upsample)


@functools.partial(jax.jit, static_argnames=("at", "rule", "relu", "upsample"))
def _weighted(network: Network, x: Array, at: str, rule: Rule, relu: bool, upsample: bool) -> Array:
    found = network.gradients(x, at)
    maps, gradient = (v.astype(x.dtype) for v in (found.activation, found.gradient))
    cam = (rule(maps, gradient) * maps).sum(-1)
    cam = jnp.maximum(cam, 0) if relu else cam
    return spread(cam, x) if upsample else cam
