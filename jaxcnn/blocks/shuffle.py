"""The unit of ShuffleNet-v2: half the channels pass, the others are filtered, all are shuffled."""

from functools import partial

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks.conv_norm_act import ConvNormAct
from jaxcnn.blocks.parts import Act, Conv, Norm, start_report
from jaxcnn.checks import Report
from jaxcnn.typing import Array


def channel_shuffle(x: Array, groups: int) -> Array:
    """Deal the channels out like cards: one of each group in turn.

    Channel `g * n + i`, number i of the n in group g, becomes channel `i * groups + g`.

    Args:
      x: An array (..., C), where `groups` divides C.
      groups: Number of groups, >= 1.

    Returns:
      An array like `x`.

    Raises:
      ValueError: If `groups` does not divide the channels.

    Source: Zhang et al. 2018 ("ShuffleNet"), figure 1.

    >>> channel_shuffle(jnp.arange(6), 2)
    Array([0, 3, 1, 4, 2, 5], dtype=int32)
    """
    report = Report("channel_shuffle", x.shape)
    count, rule = report.count("groups", groups), f"must divide the {x.shape[-1]} channels"
    report.expect(x.shape[-1] % count == 0, "groups", groups, rule, "use a divisor")
    report.done()
    return x.reshape(*x.shape[:-1], groups, -1).swapaxes(-1, -2).reshape(x.shape)


class ShuffleUnit(nn.Module):
    """ShuffleNet-v2's unit, in two forms.

    ```
    stride 1:  first half of x ---------------------------------------- concatenate -> shuffle
               second half --> conv1 1x1 -> depthwise 3x3 -> conv2 1x1 -'
    stride 2:  x -> shortcut_depthwise 3x3/2 -> shortcut_conv 1x1 ------ concatenate -> shuffle
               x -> conv1 1x1 -> depthwise 3x3/2 -> conv2 1x1 ----------'
    ```

    Each is a `ConvNormAct`; those of depthwise convolutions have no nonlinearity. No group
    convolutions, and equal widths inside and outside: both are fast, as the paper measures.

    Attributes:
      features: Channels of the output, even.
      stride: 1, where the input has as many channels, or more.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.

    Source: Ma et al. 2018, figure 3c and 3d.

    Example:
      >>> import functools, jax
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> x = jnp.ones((1, 8, 8, 4))
      >>> unit = ShuffleUnit(16, stride=2, norm=norm)
      >>> y, variables = jax.eval_shape(unit.init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])[:3]
      ((1, 4, 4, 16), ['conv1', 'conv2', 'depthwise'])
    """

    features: int
    stride: int = 1
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, ceil(H / stride), ceil(W / stride), features).

        Raises:
          ValueError: If `features` is odd, or differs from C where the stride is 1.
        """
        report = start_report(self, x, "features", "stride")
        report.expect(self.features % 2 == 0, "features", self.features, "must be even", "add one")
        if self.stride == 1:
            rule = f"must be the {x.shape[-1]} channels of the input where the stride is 1"
            fix = f"use {x.shape[-1]}, or a stride of 2"
            report.expect(self.features == x.shape[-1], "features", self.features, rule, fix)
        report.done()
        half = self.features // 2
        if self.stride == 1:
            first, second = x[..., :half], x[..., half:]
        else:
            first, second = self._filtered(x, "shortcut_"), x
            first = self._mixed(first, half, "shortcut_conv")
        second = self._mixed(second, half, "conv1")
        second = self._mixed(self._filtered(second), half, "conv2")
        return channel_shuffle(jnp.concatenate([first, second], -1), 2)

    def _mixed(self, x: Array, features: int, name: str) -> Array:
        unit = partial(ConvNormAct, conv=self.conv, norm=self.norm, act=self.act)
        return unit(features, 1, name=name)(x)

    def _filtered(self, x: Array, prefix: str = "") -> Array:
        unit = partial(ConvNormAct, conv=self.conv, norm=self.norm, act=None)
        channels = x.shape[-1]
        name = f"{prefix}depthwise"
        return unit(channels, 3, self.stride, feature_group_count=channels, name=name)(x)
