"""Densely connected blocks (Huang et al. 2016): every layer sees all that came before it."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn import layers, ops
from jaxcnn.blocks.parts import Act, Conv, Norm, expect_rate, normed, start_report
from jaxcnn.checks import is_number
from jaxcnn.typing import Array


class DenseLayer(nn.Module):
    """Makes `growth_rate` new channels: norm, act, 1x1, norm, act, 3x3.

    Attributes:
      growth_rate: Channels that the layer makes (k), >= 1.
      bottleneck: The 1x1 has `bottleneck * growth_rate` channels; 0 leaves it out.
      dropout: Probability in [0, 1] of dropping elements of the output.
      deterministic: Whether nothing is dropped; only needed where `dropout` is set.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.

    Source: Huang et al. 2016, section 3, "Composite function" and "Bottleneck layers".

    Example:
      >>> import functools, jax
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> layer = DenseLayer(12, norm=norm)
      >>> x = jnp.ones((1, 8, 8, 24))
      >>> y, variables = jax.eval_shape(layer.init_with_output, jax.random.key(0), x)
      >>> y.shape, jax.tree.map(jnp.shape, variables["params"]["conv2"])
      ((1, 8, 8, 12), {'kernel': (3, 3, 48, 12)})
    """

    growth_rate: int
    bottleneck: int = 4
    dropout: float = 0.0
    deterministic: bool | None = None
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to the new channels, (N, H, W, growth_rate).

        Raises:
          ValueError: If a field cannot be meant.
        """
        report = start_report(self, x, "growth_rate")
        report.count("bottleneck", self.bottleneck, low=0)
        expect_rate(report, self, "dropout")
        report.done()
        last = "1"
        if self.bottleneck:
            x, last = activated_conv(self, x, "1", self.bottleneck * self.growth_rate, 1), "2"
        x = activated_conv(self, x, last, self.growth_rate, 3)
        if self.dropout:
            x = layers.Dropout(self.dropout, deterministic=self.deterministic, name="dropout")(x)
        return x


class DenseBlock(nn.Module):
    """Dense layers in a row, each of which reads the concatenation of all maps before it.

    ```
    x -.-> layer1 -.-> layer2 -.-> ...
       `-----------+-----------+-> concatenate
    ```

    Attributes:
      blocks: Number of layers, >= 1.
      layer: Constructor of a layer, called `layer(name=...)`.

    Source: Huang et al. 2016, figure 1.

    Example:
      >>> import functools, jax
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> block = DenseBlock(3, functools.partial(DenseLayer, 12, norm=norm))
      >>> x = jnp.ones((1, 8, 8, 24))
      >>> y, variables = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])
      ((1, 8, 8, 60), ['layer1', 'layer2', 'layer3'])
    """

    blocks: int
    layer: Callable[..., Any]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H, W, C + blocks * growth_rate), the input's channels first.

        Raises:
          ValueError: If there is no layer.
        """
        start_report(self, x, "blocks").done()
        for i in range(1, self.blocks + 1):
            x = jnp.concatenate([x, self.layer(name=f"layer{i}")(x)], -1)
        return x


class Transition(nn.Module):
    """Between dense blocks: norm, act, 1x1 to fewer channels, 2x2 average pooling.

    Attributes:
      compression: Share in (0, 1] of the channels that is kept, rounded down.
      conv: Constructor of the convolution, called `conv(features, kernel_size, ...)`.
      norm: Constructor of the norm, called `norm(name=...)`, bound to train or evaluation; None
        for none.
      act: Nonlinearity.

    Source: Huang et al. 2016, section 3, "Pooling layers" and "Compression".

    Example:
      >>> import functools, jax
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> transition = Transition(norm=norm)
      >>> x = jnp.ones((1, 8, 8, 60))
      >>> y, _ = jax.eval_shape(transition.init_with_output, jax.random.key(0), x)
      >>> y.shape
      (1, 4, 4, 30)
    """

    compression: float = 0.5
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H // 2, W // 2, floor(compression * C)).

        Raises:
          ValueError: If the compression is out of range or leaves no channel.
        """
        report = start_report(self, x)
        share = self.compression
        rule, fix = "must be a number in (0, 1]", "use 0.5, or 1.0 to keep all channels"
        if report.expect(is_number(share) and 0 < share <= 1, "compression", share, rule, fix):
            rule = f"leaves none of the {x.shape[-1]} input channels"
            report.expect(share * x.shape[-1] >= 1, "compression", share, rule, "use a larger one")
        report.done()
        x = activated_conv(self, x, "", math.floor(share * x.shape[-1]), 1)
        return ops.avg_pool(x, 2)


def activated_conv(block: Any, x: Array, suffix: str, features: int, size: int) -> Array:
    """Apply norm, nonlinearity and convolution, in this order."""
    x = block.act(normed(block.norm, x, f"norm{suffix}"))
    conv = block.conv(
        features,
        (size, size),
        padding=(size - 1) // 2,
        use_bias=block.norm is None,
        name=f"conv{suffix}",
    )
    return conv(x)
