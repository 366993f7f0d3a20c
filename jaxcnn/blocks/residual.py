"""Residual blocks (He et al. 2015): what a layer adds to its input."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn import layers
from jaxcnn.typing import Array


def shortcut_a(x: Array, features: int, stride: int) -> Array:
    """Fit the input to the output without parameters: subsample, pad with zero channels.

    Args:
      x: Input (N, H, W, C).
      features: Channels of the output, at least C.
      stride: Step in both directions.

    Returns:
      The shortcut, (N, ceil(H / stride), ceil(W / stride), features).

    Source: He et al. 2015, section 3.3, option A.

    >>> shortcut_a(jnp.ones((1, 4, 4, 2)), 5, 2).shape
    (1, 2, 2, 5)
    """
    extra = features - x.shape[-1]
    before = extra // 2
    x = x[:, ::stride, ::stride]
    return jnp.pad(x, ((0, 0), (0, 0), (0, 0), (before, extra - before)))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, added to the shortcut: `act(x + norm(conv(act(norm(conv(x))))))`.

    Attributes:
      features: Channels of both convolutions.
      stride: Stride of the first one.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation.
      act: Nonlinearity.
      shortcut: `shortcut(x, features, stride)`, used where the shape changes.

    Source: He et al. 2015, figure 5 left.

    Example:
      >>> import functools, jax
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> conv = functools.partial(layers.Conv, use_bias=False)
      >>> block = BasicBlock(8, stride=2, conv=conv, norm=norm)
      >>> y, _ = block.init_with_output(jax.random.key(0), jnp.ones((1, 8, 8, 4)))
      >>> y.shape
      (1, 4, 4, 8)
    """

    features: int
    stride: int = 1
    conv: Callable[..., Any] = layers.Conv
    norm: Callable[..., Any] = layers.BatchNorm
    act: Callable[[Array], Array] = nn.relu
    shortcut: Callable[[Array, int, int], Array] = shortcut_a

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, ceil(H / stride), ceil(W / stride), features)."""
        strides = (self.stride, self.stride)
        y = self.conv(self.features, (3, 3), strides=strides, padding=1, name="conv1")(x)
        y = self.act(self.norm(name="norm1")(y))
        y = self.conv(self.features, (3, 3), padding=1, name="conv2")(y)
        y = self.norm(name="norm2")(y)
        if x.shape != y.shape:
            x = self.shortcut(x, self.features, self.stride)
        return self.act(x + y)


class ResidualStage(nn.Module):
    """Blocks of equal width in a row, of which the first may change the size.

    Attributes:
      blocks: Number of blocks.
      features: Channels of the output.
      stride: Stride of the first block; the others have 1.
      block: Constructor of a block, called `block(features, stride=..., name=...)`.

    Source: He et al. 2015, table 1.

    Example:
      >>> import functools, jax
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> stage = ResidualStage(2, 8, 2, functools.partial(BasicBlock, norm=norm))
      >>> y, variables = stage.init_with_output(jax.random.key(0), jnp.ones((1, 8, 8, 4)))
      >>> y.shape, sorted(variables["params"])
      ((1, 4, 4, 8), ['block1', 'block2'])
    """

    blocks: int
    features: int
    stride: int
    block: Callable[..., Any]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, ceil(H / stride), ceil(W / stride), features)."""
        for i in range(self.blocks):
            stride = self.stride if i == 0 else 1
            x = self.block(self.features, stride=stride, name=f"block{i + 1}")(x)
        return x
