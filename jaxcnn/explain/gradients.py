"""What a small change of each pixel does: the gradient, plain and times the image."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.document import documented
from jaxcnn.explain.network import Network, examine
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables


@documented("(2, 32, 32)")
def saliency(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    signed: bool = False,
) -> Array:
    r"""Return :math:`\max_c |\partial s / \partial x_{ijc}|`, how much each pixel matters.

    Args:
      x: Images (N, H, W, C), floating-point; also (N, *S, C).
      signed: Return the gradient itself rather than its largest magnitude over the channels.

    Returns:
      Maps (N, H, W), not negative; signed gradients (N, H, W, C).

    Source: Simonyan et al. 2013, "Deep inside convolutional networks", section 3.1.
    """
    network = examine(Report("saliency", x), model, variables, x, target)
    gradient = _gradient(network, x)
    return gradient if signed else jnp.abs(gradient).max(-1)


@documented("(2, 32, 32, 3)")
def gradient_x_input(
    model: nn.Module, variables: Variables, x: Array, target: int | Array | str | Target
) -> Array:
    r"""Return :math:`x \odot \partial s / \partial x`, the first-order share of each value.

    For a network that is linear in x without bias, the shares add up to the score.

    Args:
      x: Images (N, H, W, C), floating-point; also (N, *S, C).

    Returns:
      Signed shares (N, H, W, C).

    Source: Shrikumar et al. 2016, "Not just a black box", section 2.
    """
    network = examine(Report("gradient_x_input", x), model, variables, x, target)
    return x * _gradient(network, x)


@jax.jit
def _gradient(network: Network, x: Array) -> Array:
    return network.gradients(x).gradient
