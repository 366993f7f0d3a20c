"""Activation functions: JAX's own, plus those of the classic networks that JAX lacks."""

import jax
import jax.numpy as jnp
from jax.nn import (
    celu,
    elu,
    gelu,
    hard_sigmoid,
    hard_swish,
    leaky_relu,
    log_softmax,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_sign,
    softmax,
    softplus,
    swish,
)
from jax.numpy import tanh

from jaxcnn.typing import Array

__all__ = [
    "celu",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "identity",
    "leaky_relu",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "scaled_tanh",
    "selu",
    "sigmoid",
    "silu",
    "soft_sign",
    "softmax",
    "softplus",
    "swish",
    "tanh",
]


def identity(x: Array) -> Array:
    """Return `x`: the activation of a linear layer.

    >>> identity(jnp.float32(-1.0))
    Array(-1., dtype=float32)
    """
    return jnp.asarray(x)


def scaled_tanh(x: Array) -> Array:
    """Return `1.7159 tanh(2x / 3)`, the squashing function of LeNet-5.

    Its fixed points are 1 and -1, the targets that LeNet was trained with.

    Reference: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998,
    appendix A.

    >>> scaled_tanh(jnp.array([-1.0, 0.0, 1.0])).round(2)
    Array([-1.,  0.,  1.], dtype=float32)
    """
    return 1.7159 * jnp.tanh(x * (2 / 3))


def mish(x: Array) -> Array:
    """Return `x tanh(softplus(x))`.

    Reference: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.

    >>> mish(jnp.array([0.0, 10.0])).round(2)
    Array([ 0., 10.], dtype=float32)
    """
    return x * jnp.tanh(jax.nn.softplus(x))
