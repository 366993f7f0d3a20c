"""Residual blocks with the norm and the nonlinearity first (He et al. 2016)."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks.parts import Act, Conv, Norm, dropped, expect_rate, normed, symmetric
from jaxcnn.blocks.residual import inner_width, residual_report
from jaxcnn.blocks.shortcuts import shortcut_b
from jaxcnn.typing import Array


class PreactBasicBlock(nn.Module):
    """Two 3x3 convolutions, each after norm and nonlinearity: nothing follows the addition.

    ```
    x -> norm1 -> act -.-> conv1 3x3 /stride -> norm2 -> act -> conv2 3x3 -> +
     `-----------------'-- shortcut ---------------------------------------'
    ```

    The input itself passes where the shape stays; where it changes, the shortcut starts from
    the activated input, and projects without a norm.

    Attributes:
      features: Channels of both convolutions, >= 1.
      stride: Stride of the first one, >= 1.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.
      shortcut: `shortcut(x, features, stride, conv, norm)`, used where the block has a stride
        or another number of channels than its input; norm is None.
      activated: Whether the input is normalised and activated already, as after the stem of an
        ImageNet network; then there is no `norm1`.
      zero_init: Whether the last kernel starts at zero, so that the block starts as its
        shortcut. (With a zero scale in `norm2` a ReLU would have no gradient.)
      dropout: Probability in [0, 1] of dropping elements between the convolutions (Zagoruyko &
        Komodakis 2016, section 2.4).
      stochastic_depth: Probability in [0, 1] with which training drops the branch of an example.
      deterministic: Whether nothing is dropped; only needed where a rate is set.

    Source: He et al. 2016, figure 4e; Zagoruyko & Komodakis 2016, figure 1.

    Example:
      >>> import functools, jax, jax.numpy as jnp
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> block = PreactBasicBlock(8, stride=2, norm=norm)
      >>> x = jnp.ones((1, 8, 8, 4))
      >>> y, variables = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])
      ((1, 4, 4, 8), ['conv1', 'conv2', 'norm1', 'norm2', 'shortcut_conv'])
    """

    features: int
    stride: int = 1
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu
    shortcut: Callable[..., Array] = shortcut_b
    activated: bool = False
    zero_init: bool = False
    dropout: float = 0.0
    stochastic_depth: float = 0.0
    deterministic: bool | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, ceil(H / stride), ceil(W / stride), features).

        Raises:
          ValueError: If a field cannot be meant.
        """
        report = residual_report(self, x)
        expect_rate(report, self, "dropout")
        report.done()
        z = activate(self, x, 1)
        y = activate(self, convolve(self, z, 1, self.features, 3, stride=self.stride), 2)
        if self.dropout:
            y = layers.Dropout(self.dropout, deterministic=self.deterministic, name="dropout")(y)
        y = convolve(self, y, 2, self.features, 3, last=True)
        return passed(self, x, z) + dropped(self, y)


class PreactBottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, each after norm and nonlinearity.

    ```
    x -> norm1 -> act -.-> conv1 1x1 -> norm2 -> act -> conv2 3x3 /stride
     `-----------------'                             -> norm3 -> act -> conv3 1x1 -> +
     `------ shortcut -------------------------------------------------------------'
    ```

    Attributes:
      features: Channels of the output, a multiple of `expansion`.
      stride: Stride of the 3x3, >= 1.
      groups: Groups of the 3x3, >= 1.
      base_width: Channels of one group in a stage with 64 x `expansion` features, >= 1.
      expansion: How many times wider the output is than the inner part of a plain block, >= 1.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.
      shortcut: As in `PreactBasicBlock`.
      activated: Whether the input is normalised and activated already; then there is no `norm1`.
      zero_init: Whether the last kernel starts at zero.
      stochastic_depth: Probability in [0, 1] with which training drops the branch of an example.
      deterministic: Whether nothing is dropped; only needed where `stochastic_depth` is set.

    Source: He et al. 2016, section 4.1 and appendix.

    Example:
      >>> import functools, jax, jax.numpy as jnp
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> block = PreactBottleneck(16, norm=norm)
      >>> x = jnp.ones((1, 8, 8, 16))
      >>> y, variables = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
      >>> y.shape, jnp.shape(variables["params"]["conv2"]["kernel"])
      ((1, 8, 8, 16), (3, 3, 4, 4))
    """

    features: int
    stride: int = 1
    groups: int = 1
    base_width: int = 64
    expansion: int = 4
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu
    shortcut: Callable[..., Array] = shortcut_b
    activated: bool = False
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
        width = inner_width(report, self)
        report.done()
        z = activate(self, x, 1)
        y = activate(self, convolve(self, z, 1, width, 1), 2)
        y = convolve(self, y, 2, width, 3, stride=self.stride, groups=self.groups)
        y = convolve(self, activate(self, y, 3), 3, self.features, 1, last=True)
        return passed(self, x, z) + dropped(self, y)


def activate(block: Any, x: Array, index: int) -> Array:
    """Apply norm and nonlinearity, of which the first may have been applied to the input."""
    if index == 1 and block.activated:
        return x
    return block.act(normed(block.norm, x, f"norm{index}"))


def convolve(
    block: Any,
    x: Array,
    index: int,
    features: int,
    size: int,
    *,
    stride: int = 1,
    groups: int = 1,
    last: bool = False,
) -> Array:
    """Apply a convolution; the last one of a block may start at zero."""
    options: dict[str, Any] = {} if groups == 1 else {"feature_group_count": groups}
    if last and block.zero_init:
        options["kernel_init"] = nn.initializers.zeros
    conv = block.conv(
        features,
        (size, size),
        strides=(stride, stride),
        padding=symmetric((size, size)),
        use_bias=block.norm is None,
        name=f"conv{index}",
        **options,
    )
    return conv(x)


def passed(block: Any, x: Array, activated: Array) -> Array:
    """Return the input, or the shortcut of the activated input where the shape changes."""
    if block.stride == 1 and x.shape[-1] == block.features:
        return x
    return block.shortcut(activated, block.features, block.stride, block.conv, None)
