"""Residual blocks (He et al. 2015): what a layer adds to its input."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks.looped import looped
from jaxcnn.blocks.parts import (
    Act,
    Conv,
    Norm,
    conv_norm,
    dropped,
    expect_rate,
    expect_scale,
    start_report,
)
from jaxcnn.blocks.shortcuts import shortcut_b
from jaxcnn.checks import Report, is_int
from jaxcnn.typing import Array


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, added to the shortcut: `act(x + norm(conv(act(norm(conv(x))))))`.

    ```
    x -> conv1 3x3 /stride -> norm1 -> act -> conv2 3x3 -> norm2 -> + -> act
     `---------------------- shortcut -----------------------------'
    ```

    Attributes:
      features: Channels of both convolutions, >= 1.
      stride: Stride of the first one, >= 1.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.
      shortcut: `shortcut(x, features, stride, conv, norm)`, used where the block has a stride
        or another number of channels than its input.
      zero_init: Whether the scale of the last norm starts at zero, so that the block starts as
        its shortcut (Goyal et al. 2017, section 5.1).
      stochastic_depth: Probability in [0, 1] with which training drops the branch of an example.
      deterministic: Whether nothing is dropped; only needed where `stochastic_depth` is set.

    Source: He et al. 2015, figure 5 left.

    Example:
      >>> import functools, jax, jax.numpy as jnp
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> block = BasicBlock(8, stride=2, norm=norm)
      >>> x = jnp.ones((1, 8, 8, 4))
      >>> y, variables = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])
      ((1, 4, 4, 8), ['conv1', 'conv2', 'norm1', 'norm2', 'shortcut_conv', 'shortcut_norm'])
    """

    features: int
    stride: int = 1
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu
    shortcut: Callable[..., Array] = shortcut_b
    zero_init: bool = False
    stochastic_depth: float = 0.0
    deterministic: bool | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, ceil(H / stride), ceil(W / stride), features).

        Raises:
          ValueError: If a field cannot be meant.
        """
        report = residual_report(self, x)
        expect_scale(report, self)
        report.done()
        y = self.act(conv_norm(self, x, "1", self.features, (3, 3), stride=self.stride))
        y = conv_norm(self, y, "2", self.features, (3, 3), zero_init=self.zero_init)
        return self.act(passed(self, x) + dropped(self, y))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, added to the shortcut; the 3x3 works on few channels.

    ```
    x -> conv1 1x1 -> norm1 -> act -> conv2 3x3 /stride -> norm2 -> act -> conv3 1x1 -> norm3 -> +
     `---------------------------------- shortcut --------------------------------------------' act
    ```

    The 3x3 has `features // expansion * base_width // 64 * groups` channels. This covers
    ResNet (groups 1, base width 64), ResNeXt-50 32x4d (32, 4) and Wide ResNet-50-2 (1, 128).
    RegNet's block says `hidden` instead, and may weight these channels (`squeeze_ratio`).
    The stride is in the 3x3 ("v1.5"): in the first 1x1, as in the paper, it would skip three
    quarters of the input; that costs half a point of ImageNet accuracy.

    Attributes:
      features: Channels of the output, a multiple of `expansion`.
      stride: Stride of the 3x3, >= 1.
      groups: Groups of the 3x3 (cardinality), >= 1.
      base_width: Channels of one group in a stage with 64 x `expansion` features, >= 1.
      expansion: How many times wider the output is than the inner part of a plain block, >= 1.
      hidden: Channels of the 3x3, a multiple of `groups`, instead of what `base_width` and
        `expansion` give; None for that.
      squeeze_ratio: Share in [0, 1] of the input's channels to which squeeze and excitation
        after the 3x3 goes down (`squeeze_excite`); 0 for none.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.
      shortcut: `shortcut(x, features, stride, conv, norm)`, used where the block has a stride
        or another number of channels than its input.
      zero_init: Whether the scale of the last norm starts at zero.
      stochastic_depth: Probability in [0, 1] with which training drops the branch of an example.
      deterministic: Whether nothing is dropped; only needed where `stochastic_depth` is set.

    Source: He et al. 2015, figure 5 right; Xie et al. 2017, figure 3c; Zagoruyko & Komodakis
    2016, section 2.3; Radosavovic et al. 2020, figure 4.

    Example:
      >>> import functools, jax, jax.numpy as jnp
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> block = Bottleneck(256, groups=32, base_width=4, norm=norm)
      >>> x = jnp.ones((1, 8, 8, 256))
      >>> y, variables = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
      >>> y.shape, jnp.shape(variables["params"]["conv2"]["kernel"])
      ((1, 8, 8, 256), (3, 3, 4, 128))
    """

    features: int
    stride: int = 1
    groups: int = 1
    base_width: int = 64
    expansion: int = 4
    hidden: int | None = None
    squeeze_ratio: float = 0.0
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu
    shortcut: Callable[..., Array] = shortcut_b
    zero_init: bool = False
    stochastic_depth: float = 0.0
    deterministic: bool | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, ceil(H / stride), ceil(W / stride), features).

        Raises:
          ValueError: If a field cannot be meant.
        """
        report = residual_report(self, x, "groups", "base_width", "expansion")
        expect_scale(report, self)
        report.fraction("squeeze_ratio", self.squeeze_ratio)
        width = hidden_width(report, self)
        report.done()
        y = self.act(conv_norm(self, x, "1", width, (1, 1)))
        y = conv_norm(self, y, "2", width, (3, 3), stride=self.stride, groups=self.groups)
        y = self._excited(self.act(y), round(self.squeeze_ratio * x.shape[-1]))
        y = conv_norm(self, y, "3", self.features, (1, 1), zero_init=self.zero_init)
        return self.act(passed(self, x) + dropped(self, y))

    def _excited(self, y: Array, features: int) -> Array:
        if not self.squeeze_ratio:
            return y
        squeeze = layers.SqueezeExcite(
            max(features, 1), act=self.act, conv=self.conv, name="squeeze_excite"
        )
        return squeeze(y)


class ResidualStage(nn.Module):
    """Blocks of equal width in a row, of which the first may change the size.

    Attributes:
      blocks: Number of blocks, >= 1.
      features: Channels of the output.
      stride: Stride of the first block; the others have 1.
      block: Constructor of a block, called `block(features, stride=..., name=...)`.
      stochastic_depth: One rate per block, handed to it as `stochastic_depth=...`; empty for
        none.
      first: Constructor of the first block; None for `block`.
      scan_blocks: Whether the blocks after the first are one loop, which compiles once; its
        variables are the same.

    Source: He et al. 2015, table 1.

    Example:
      >>> import functools, jax, jax.numpy as jnp
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> stage = ResidualStage(2, 8, 2, functools.partial(BasicBlock, norm=norm))
      >>> x = jnp.ones((1, 8, 8, 4))
      >>> y, variables = jax.eval_shape(stage.init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])
      ((1, 4, 4, 8), ['block1', 'block2'])
    """

    blocks: int
    features: int
    stride: int
    block: Callable[..., Any]
    stochastic_depth: tuple[float, ...] = ()
    first: Callable[..., Any] | None = None
    scan_blocks: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, ceil(H / stride), ceil(W / stride), features).

        Raises:
          ValueError: If there is no block, not one rate per block, or a loop over blocks that
            have rates of their own.
        """
        report = start_report(self, x, "blocks", "features", "stride")
        rates = self.stochastic_depth
        rule, fix = f"must be empty or one rate for each of {self.blocks} blocks", "count them"
        report.expect(len(rates) in (0, self.blocks), "stochastic_depth", rates, rule, fix)
        rule, fix = "must be False where each block has its own stochastic_depth", "use one of them"
        report.expect(not (self.scan_blocks and rates), "scan_blocks", True, rule, fix)
        report.done()
        names = [f"block{i + 1}" for i in range(self.blocks)]
        options = [{"stochastic_depth": rate} for rate in rates] or [{}] * self.blocks
        first, others = self.first or self.block, partial(self.block, self.features, stride=1)
        x = first(self.features, stride=self.stride, name=names[0], **options[0])(x)
        if self.scan_blocks and self.blocks > 2 and not self.is_initializing():
            return looped(self, names[1:], others, x)
        for name, option in zip(names[1:], options[1:], strict=True):
            x = others(name=name, **option)(x)
        return x


def passed(block: Any, x: Array) -> Array:
    """Return the input, or the block's shortcut where its output has another shape.

    This asks for the stride and not for the size, which a stride leaves at 1x1: parameters must
    not depend on the image.
    """
    if block.stride == 1 and x.shape[-1] == block.features:
        return x
    return block.shortcut(x, block.features, block.stride, block.conv, block.norm)


def residual_report(block: Any, x: Array, *counts: str) -> Report:
    """Begin the check of a residual block."""
    report = start_report(block, x, "features", "stride", *counts)
    expect_rate(report, block, "stochastic_depth")
    return report


def hidden_width(report: Report, block: Bottleneck) -> int:
    """Return the channels within a bottleneck that may say them itself."""
    hidden, groups = block.hidden, block.groups
    if hidden is None:
        return inner_width(report, block)
    report.count("hidden", hidden)
    if not report.problems:
        rule, fix = f"must be a multiple of groups={groups}", f"use {-(-hidden // groups) * groups}"
        report.expect(hidden % groups == 0, "hidden", hidden, rule, fix)
    return hidden


def inner_width(report: Report, block: Any) -> int:
    """Return the channels within a bottleneck."""
    features, expansion = block.features, block.expansion
    if report.problems or not is_int(features):
        return 1
    rule = f"must be a multiple of expansion={expansion}"
    fix = f"use {-(-features // expansion) * expansion}"
    report.expect(features % expansion == 0, "features", features, rule, fix)
    width = features // expansion * block.base_width // 64
    rule = f"leaves no channels: {features} // {expansion} * base_width // 64 must be >= 1"
    report.expect(width >= 1, "base_width", block.base_width, rule, "use a wider block")
    return width * block.groups
