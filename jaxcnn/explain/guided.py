"""Gradients that pass ReLUs by another rule, for any network: no edit of the model."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.cam import grad_cam
from jaxcnn.explain.maps import map_layer
from jaxcnn.explain.network import Network, examine
from jaxcnn.taps import deconvnet_relu, guided_relu, replace_relu
from jaxcnn.taps.relu_rules import Relu
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables


def guided_backprop(
    model: nn.Module, variables: Variables, x: Array, target: int | Array | str | Target
) -> Array:
    """Return the gradient that ReLUs pass only where it and their input are positive.

    Args:
      model: Any Linen module with ReLUs; of the zoo, the same as `model.clone(act=guided_relu)`.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point; also (N, *S, C).
      target: A class, classes (N,), `"top1"`, a function, or a target of `jaxcnn.taps`.

    Returns:
      Signed maps (N, H, W, C).

    Raises:
      ValueError: If x holds NaN, the target is out of range, or the network has no ReLU.
      TypeError: If x is not floating-point, or target is none.

    Source: Springenberg et al. 2014, "Striving for simplicity", section 3.4.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("alexnet", num_classes=5), jnp.zeros((2, 64, 64, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: guided_backprop(model, v, x, 3), variables, x).shape
      (2, 64, 64, 3)
    """
    network = examine(Report("guided_backprop", x), model, variables, x, target)
    return _backward(network, x, guided_relu)


def deconvnet_gradient(
    model: nn.Module, variables: Variables, x: Array, target: int | Array | str | Target
) -> Array:
    """Return the gradient with DeconvNet's rule: ReLUs rectify it, whatever their input was.

    Args:
      model: Any Linen module with ReLUs; of the zoo, the same as
        `model.clone(act=deconvnet_relu)`.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point; also (N, *S, C).
      target: A class, classes (N,), `"top1"`, a function, or a target of `jaxcnn.taps`.

    Returns:
      Signed maps (N, H, W, C).

    Raises:
      ValueError: If x holds NaN, the target is out of range, or the network has no ReLU.
      TypeError: If x is not floating-point, or target is none.

    Source: Zeiler & Fergus 2013, "Visualizing and understanding convolutional networks",
    section 2.1; as a gradient: Simonyan et al. 2013, section 4.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("alexnet", num_classes=5), jnp.zeros((2, 64, 64, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: deconvnet_gradient(model, v, x, 3), variables, x).shape
      (2, 64, 64, 3)
    """
    network = examine(Report("deconvnet_gradient", x), model, variables, x, target)
    return _backward(network, x, deconvnet_relu)


def guided_grad_cam(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    at: str | None = None,
) -> Array:
    """Return guided backpropagation times Grad-CAM: as sharp as the one, as sure as the other.

    Args:
      model: Any Linen module with ReLUs and a convolution.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point.
      target: A class, classes (N,), `"top1"`, a function, or a target of `jaxcnn.taps`.
      at: The layer of Grad-CAM, e.g. `stage4`; None for the last with maps.

    Returns:
      Signed maps (N, H, W, C).

    Raises:
      ValueError: If x holds NaN, the layer is not there or has no maps, the network has no
        convolution or no ReLU, or the target is out of range.
      TypeError: If x is not floating-point, or target is none.

    Source: Selvaraju et al. 2017, "Grad-CAM", section 3.2.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("alexnet", num_classes=5), jnp.zeros((2, 64, 64, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: guided_grad_cam(model, v, x, 3), variables, x).shape
      (2, 64, 64, 3)
    """
    network = examine(Report("guided_grad_cam", x), model, variables, x, target, 4)
    place = map_layer("guided_grad_cam", model, variables, x, at)
    cam = grad_cam(model, variables, x, target, at=place)
    return _backward(network, x, guided_relu) * cam[..., None]


@functools.partial(jax.jit, static_argnames="relu")
def _backward(network: Network, x: Array, relu: Relu) -> Array:
    changed = replace_relu(lambda x: jnp.sum(network.scores(x)), relu)
    return jax.grad(changed)(x)
