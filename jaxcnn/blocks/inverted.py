"""Inverted residual blocks: wide inside, narrow outside (Sandler et al. 2018)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks.conv_norm_act import ConvNormAct
from jaxcnn.blocks.parts import Act, Conv, Norm, dropped, expect_rate, expect_scale, start_report
from jaxcnn.checks import Report, is_number
from jaxcnn.typing import Array


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project: the block of MobileNet-v2/v3 and EfficientNet.

    ```
    x -> expand 1x1 -> depthwise k x k /stride -> squeeze_excite? -> project 1x1 -> + -> y
     `------------------ only where the shape stays -------------------------------'
    ```

    Each convolution is a `ConvNormAct` of that name; the projection has no nonlinearity, and
    the expansion is left out where it would not widen.

    Attributes:
      features: Channels of the output, >= 1.
      kernel_size: Height and width of the depthwise kernel, >= 1.
      stride: Stride of the depthwise convolution, >= 1.
      expansion: The inside has `round(expansion * C)` channels, at least 1.
      hidden: Channels of the inside, instead of `expansion`; None for that.
      padding: Of the depthwise convolution: None for half the kernel, `"SAME"` for weights
        that come from TensorFlow (EfficientNet-Lite).
      squeeze_excite: None, or constructor called `squeeze_excite(name="squeeze_excite")`,
        such as `functools.partial(layers.SqueezeExcite, 8, act=nn.silu)`.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.
      zero_init: Whether the scale of the last norm starts at zero.
      stochastic_depth: Probability in [0, 1] with which training drops the branch of an
        example; it has no effect where there is no shortcut.
      deterministic: Whether nothing is dropped; only needed where `stochastic_depth` is set.

    Source: Sandler et al. 2018, figure 4d; Howard et al. 2019, figure 4; Tan & Le 2019.

    Example:
      >>> import functools, jax, jax.numpy as jnp
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> block = InvertedResidual(24, stride=2, norm=norm)
      >>> x = jnp.ones((1, 8, 8, 16))
      >>> y, variables = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
      >>> y.shape, jnp.shape(variables["params"]["depthwise"]["conv"]["kernel"])
      ((1, 4, 4, 24), (3, 3, 1, 96))
    """

    features: int
    kernel_size: int = 3
    stride: int = 1
    expansion: float = 6
    hidden: int | None = None
    padding: Any = None
    squeeze_excite: Callable[..., Any] | None = None
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu6
    zero_init: bool = False
    stochastic_depth: float = 0.0
    deterministic: bool | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, ceil(H / stride), ceil(W / stride), features).

        Raises:
          ValueError: If a field cannot be meant.
        """
        hidden = checked_width(self, x)
        unit = partial(ConvNormAct, conv=self.conv, norm=self.norm)
        y = x
        if hidden != x.shape[-1]:
            y = unit(hidden, (1, 1), act=self.act, name="expand")(y)
        y = unit(
            hidden,
            (self.kernel_size, self.kernel_size),
            self.stride,
            self.padding,
            feature_group_count=hidden,
            act=self.act,
            name="depthwise",
        )(y)
        if self.squeeze_excite is not None:
            y = self.squeeze_excite(name="squeeze_excite")(y)
        project = unit(self.features, (1, 1), act=None, zero_init=self.zero_init, name="project")
        return added(self, x, project(y))


class FusedInvertedResidual(nn.Module):
    """Expand with a full k x k convolution, project: the early blocks of EfficientNet-v2.

    ```
    x -> expand k x k /stride -> project 1x1 -> + -> y
     `------ only where the shape stays --------'
    ```

    Where the inside is no wider than the input, one k x k convolution with norm and
    nonlinearity, named `expand`, goes straight to the output.

    Attributes:
      features: Channels of the output, >= 1.
      kernel_size: Height and width of the first kernel, >= 1.
      stride: Stride of the first convolution, >= 1.
      expansion: The inside has `round(expansion * C)` channels, at least 1.
      hidden: Channels of the inside, instead of `expansion`; None for that.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.
      zero_init: Whether the scale of the last norm starts at zero.
      stochastic_depth: Probability in [0, 1] with which training drops the branch of an
        example; it has no effect where there is no shortcut.
      deterministic: Whether nothing is dropped; only needed where `stochastic_depth` is set.

    Source: Tan & Le 2021, figure 2.

    Example:
      >>> import functools, jax, jax.numpy as jnp
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> block = FusedInvertedResidual(24, expansion=4, norm=norm)
      >>> x = jnp.ones((1, 8, 8, 24))
      >>> y, variables = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
      >>> y.shape, jnp.shape(variables["params"]["expand"]["conv"]["kernel"])
      ((1, 8, 8, 24), (3, 3, 24, 96))
    """

    features: int
    kernel_size: int = 3
    stride: int = 1
    expansion: float = 4
    hidden: int | None = None
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.silu
    zero_init: bool = False
    stochastic_depth: float = 0.0
    deterministic: bool | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, ceil(H / stride), ceil(W / stride), features).

        Raises:
          ValueError: If a field cannot be meant.
        """
        hidden = checked_width(self, x)
        unit = partial(ConvNormAct, conv=self.conv, norm=self.norm)
        wider = hidden != x.shape[-1]
        expand = unit(
            hidden if wider else self.features,
            (self.kernel_size, self.kernel_size),
            self.stride,
            act=self.act,
            zero_init=self.zero_init and not wider,
            name="expand",
        )
        y = expand(x)
        if wider:
            y = unit(self.features, (1, 1), act=None, zero_init=self.zero_init, name="project")(y)
        return added(self, x, y)


def checked_width(block: Any, x: Array) -> int:
    """Check the block's fields and return the channels of its inside."""
    report = start_report(block, x, "features", "kernel_size", "stride")
    expect_rate(report, block, "stochastic_depth")
    expect_scale(report, block)
    hidden = _hidden(report, block, x.shape[-1])
    report.done()
    return hidden


def _hidden(report: Report, block: Any, channels: int) -> int:
    if block.hidden is not None:
        return report.count("hidden", block.hidden)
    ratio = block.expansion
    rule, fix = "must be a number above 0", "use 6, or 1 for no expansion"
    if not report.expect(is_number(ratio) and ratio > 0, "expansion", ratio, rule, fix):
        return 1
    return max(1, round(ratio * channels))


def added(block: Any, x: Array, y: Array) -> Array:
    """Add the input where the shape stays."""
    if block.stride == 1 and x.shape == y.shape:
        return x + dropped(block, y)
    return y
