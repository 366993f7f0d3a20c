"""Small networks for explanations, and images for them."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from tests.taps.networks import variables_of


class Linear(nn.Module):
    """One linear layer on all pixels, without bias."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(3, use_bias=False, name="head")(x.reshape(len(x), -1))


class Small(nn.Module):
    """Two convolutions, a mean, a linear layer; the ReLU is a field."""

    act: Any = nn.relu
    norm: bool = False

    @nn.compact
    def __call__(self, x):
        x = self.act(nn.Conv(4, (3, 3), strides=2, name="conv1")(x))
        x = nn.LayerNorm(name="norm")(x) if self.norm else x
        x = Unit(self.act, name="unit")(x)
        return nn.Dense(3, name="head")(x.mean((1, 2)))


class Unit(nn.Module):
    """A convolution with its ReLU."""

    act: Any = nn.relu

    @nn.compact
    def __call__(self, x):
        return self.act(nn.Conv(5, (3, 3), name="conv")(x))


def made(model, shape=(3, 8, 6, 2)):
    """Return a model, variables with both signs, and images."""
    x = jax.random.normal(jax.random.key(1), shape, jnp.result_type(float))
    centred = jax.tree.map(lambda p: p - 0.45, variables_of(model, x))
    return model, centred, x


RELU_SPELLINGS = {
    "nn.relu": nn.relu,
    "maximum": lambda x: jnp.maximum(x, 0),
    "left": lambda x: jnp.maximum(0.0, x),
    "clip": lambda x: jnp.clip(x, 0),
    "jit": jax.jit(lambda x: jnp.maximum(x, jnp.zeros((), x.dtype))),
    "remat": jax.checkpoint(nn.relu),
    "scan": lambda x: jax.lax.scan(lambda c, _: (nn.relu(c), None), x, length=1)[0],
    "cond": lambda x: jax.lax.cond(x.sum() > 1e9, jnp.sin, nn.relu, x),
    "zeros": lambda x: jnp.maximum(x, jnp.zeros_like(x)),
}
