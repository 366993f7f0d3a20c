"""Small networks of users' own, in all the ways that Linen allows."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn


class Block(nn.Module):
    """Two layers, of which the second has another name for its input."""

    features: int = 4

    @nn.compact
    def __call__(self, x):
        x = nn.tanh(nn.Dense(self.features, name="one")(x))
        return nn.tanh(nn.Dense(features=self.features, name="two")(inputs=x))


class Stack(nn.Module):
    """Blocks in a row, plain or lifted."""

    block: Any = Block
    depth: int = 2

    @nn.compact
    def __call__(self, x):
        for i in range(self.depth):
            x = self.block(4, name=f"block{i}")(x)
        return nn.Dense(3, name="head")(x)


class Setup(nn.Module):
    """Written with `setup`, with another method, several inputs and several outputs."""

    def setup(self):
        self.encoder = Coder()
        self.merge = Merge()
        self.layers = [nn.Dense(4), nn.Dense(3)]

    def __call__(self, x):
        code = self.encoder.encode(x)
        merged, _ = self.merge(code, self.encoder.encode(2 * x))
        return self.layers[1](nn.tanh(self.layers[0](merged)))


class Coder(nn.Module):
    def setup(self):
        self.dense = nn.Dense(4)

    def encode(self, x):
        return nn.tanh(self.dense(x))


class Merge(nn.Module):
    def __call__(self, a, b):
        return a * b, {"sum": a + b, "count": 2}


class Sized(nn.Module):
    """Takes and returns a number beside its arrays."""

    def __call__(self, x, sizes):
        return x, sizes


class Shared(nn.Module):
    """One layer that is called three times."""

    @nn.compact
    def __call__(self, x):
        layer = nn.Dense(x.shape[-1], name="layer")
        for _ in range(3):
            x = nn.tanh(layer(x))
        return nn.Dense(3, name="head")(x)


class Child(Block):
    """Overrides a method and calls the one that it inherits."""

    @nn.compact
    def __call__(self, x):
        return 2 * super().__call__(x)


class Scanned(nn.Module):
    """The same layer in a compiled loop, which lets intermediates out or not."""

    axes: tuple[tuple[str, int], ...] = (("params", 0),)

    @nn.compact
    def __call__(self, x):
        step = nn.scan(Step, dict(self.axes), split_rngs={"params": True}, length=3)
        x, _ = step(name="steps")(x, None)
        return nn.Dense(3, name="head")(x)


class Step(nn.Module):
    @nn.compact
    def __call__(self, x, _):
        return nn.tanh(nn.Dense(x.shape[-1], name="layer")(x)), None


class Mapped(nn.Module):
    """Two networks side by side."""

    axes: tuple[tuple[str, int], ...] = (("params", 0),)

    @nn.compact
    def __call__(self, x):
        many = nn.vmap(Block, dict(self.axes), {"params": True}, in_axes=None, axis_size=2)
        return many(name="many")(x).sum(0)


class Branching(nn.Module):
    """A choice that is made while running."""

    @nn.compact
    def __call__(self, x):
        one = nn.Dense(4, name="one")
        x = nn.cond(x.sum() > 0, lambda one, x: nn.tanh(one(x)), lambda one, x: one(-x), one, x)
        return nn.Dense(3, name="head")(x)


class Sower(nn.Module):
    """Writes statistics, auxiliary logits, intermediates, and perturbs as Flax does."""

    @nn.compact
    def __call__(self, x, train: bool = False):
        x = nn.BatchNorm(not train, name="norm")(nn.Dense(4, name="dense")(x))
        x = nn.Dropout(0.5, name="drop")(x, deterministic=not train)
        self.sow("aux", "logits", x[:, :2])
        self.sow("intermediates", "dense", x)
        x = self.perturb("own", x)
        return nn.Dense(3, name="head")(x)


class Unhashable(nn.Module):
    """Fields that have no hash: a list, a dict, an array."""

    widths: Sequence[int]
    options: Any
    scale: Any

    @nn.compact
    def __call__(self, x):
        for i, width in enumerate(self.widths):
            x = nn.Dense(width, name=f"dense{i}", **self.options)(x * jnp.sum(self.scale))
        return x


REMAT = partial(Stack, block=nn.remat(Block))
JIT = partial(Stack, block=nn.jit(Block))


def variables_of(model, x):
    """Variables that vary, without compiling the model's own initialisation."""
    shapes = jax.eval_shape(model.init, jax.random.key(0), x)
    random = np.random.default_rng(0)
    kept = {name: tree for name, tree in shapes.items() if name in ("params", "batch_stats")}
    return jax.tree.map(lambda s: jnp.asarray(random.uniform(0.1, 0.9, s.shape), x.dtype), kept)
