"""Gradients that pass ReLUs by another rule, for any network: no edit of the model."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.cam import grad_cam
from jaxcnn.explain.document import documented
from jaxcnn.explain.network import Network, examine
from jaxcnn.taps import deconvnet_relu, guided_relu, replace_relu
from jaxcnn.taps.maps import map_layer
from jaxcnn.taps.relu_rules import Relu
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables


@documented("(2, 32, 32, 3)")
def guided_backprop(
    model: nn.Module, variables: Variables, x: Array, target: int | Array | str | Target
) -> Array:
    """Return the gradient that ReLUs pass only where it and their input are positive.

    ReLU6 and other clipped ReLUs are ReLUs with a bound, which passes no gradient where it is
    reached. A network whose activations are all of other kinds (SiLU, GELU, tanh) has no such
    rule: an error says so.

    Args:
      model: Any Linen module with ReLUs; of the zoo, the same as `model.clone(act=guided_relu)`.
      x: Images (N, H, W, C), floating-point; also (N, *S, C).

    Returns:
      Signed maps (N, H, W, C).

    Source: Springenberg et al. 2014, "Striving for simplicity", section 3.4.
    """
    network = examine(Report("guided_backprop", x), model, variables, x, target)
    return _backward(network, x, guided_relu, "guided_backprop")


@documented("(2, 32, 32, 3)")
def deconvnet(
    model: nn.Module, variables: Variables, x: Array, target: int | Array | str | Target
) -> Array:
    """Return what a deconvnet projects from the target down to the pixels.

    A deconvnet runs the network backwards: it unpools by the switches of max-pooling, rectifies,
    and filters with the transposed kernels. Unpooling and transposed filters are the gradients
    of pooling and filters (where windows overlap, what two of them send to one pixel is added),
    so this is the gradient but for the ReLUs, which rectify it whatever their own input was.

    The target says where it starts: `Neuron(at, (y, x, channel))` at one activation,
    `Channel(at, channel, strongest=True)` at the strongest of a feature map, `Layer(at)` at all
    activations of a layer with their values, a class at its logit. The first two start from 1
    rather than from the activation, which scales the picture by one number.

    Args:
      model: Any Linen module with ReLUs or clipped ReLUs, as `guided_backprop` has them.
      x: Images (N, H, W, C), floating-point; also (N, *S, C).

    Returns:
      Signed maps (N, H, W, C).

    Source: Zeiler & Fergus 2013, "Visualizing and understanding convolutional networks",
    section 2.1; as a gradient: Simonyan et al. 2013, section 4.
    """
    network = examine(Report("deconvnet", x), model, variables, x, target)
    return _backward(network, x, deconvnet_relu, "deconvnet")


@documented("(2, 32, 32, 3)")
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

    Returns:
      Signed maps (N, H, W, C).

    Source: Selvaraju et al. 2017, "Grad-CAM", section 3.2.
    """
    network = examine(Report("guided_grad_cam", x), model, variables, x, target, 4)
    place = map_layer("guided_grad_cam", model, variables, x, at)
    cam = grad_cam(model, variables, x, target, at=place)
    return _backward(network, x, guided_relu, "guided_grad_cam") * cam[..., None]


@functools.partial(jax.jit, static_argnames=("relu", "function"))
def _backward(network: Network, x: Array, relu: Relu, function: str) -> Array:
    changed = replace_relu(lambda x: jnp.sum(network.scores(x)), relu, function)
    return jax.grad(changed)(x)
