"""The unit of which modern networks are made: convolution, norm, nonlinearity."""

from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks.parts import Act, Conv, Norm, conv_norm, expect_scale, start_report
from jaxcnn.checks import is_int
from jaxcnn.typing import Array


class ConvNormAct(nn.Module):
    """A convolution, its norm and a nonlinearity: `act(norm(conv(x)))`.

    The convolution has a bias only where there is no norm, which would subtract it. Its padding
    is by default half the kernel on either side, as in PyTorch's networks: a stride of 1 keeps
    the size, and a stride of 2 samples the positions 0, 2, 4, ..., whatever the size is
    (`"SAME"` samples 1, 3, 5, ... where the size is even).

    Attributes:
      features: Channels of the output, >= 1.
      kernel_size: Height and width of the kernel, >= 1; an int for both.
      strides: Steps down and across, >= 1; an int for both.
      padding: None for half the kernel, or what the convolution takes: an int, `(low, high)`
        pairs, `"SAME"`, `"VALID"`.
      feature_group_count: Groups of the convolution; divides the channels of input and output.
      use_bias: Whether the convolution has a bias; None where there is no norm.
      zero_init: Whether the norm's scale starts at zero.
      conv: Constructor of the convolution, called `conv(features, kernel_size, ...)`.
      norm: Constructor of the norm, called `norm(name="norm")`, bound to train or evaluation;
        None for no norm.
      act: Nonlinearity; None for none.

    Source: Ioffe & Szegedy 2015, section 3.2: the norm stands before the nonlinearity.

    Example:
      >>> import functools, jax, jax.numpy as jnp
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> unit = ConvNormAct(8, (1, 7), strides=2, norm=norm)
      >>> x = jnp.ones((1, 9, 9, 4))
      >>> y, variables = jax.eval_shape(unit.init_with_output, jax.random.key(0), x)
      >>> y.shape, jax.tree.map(jnp.shape, variables["params"]["conv"])
      ((1, 5, 5, 8), {'kernel': (1, 7, 4, 8)})
    """

    features: int
    kernel_size: int | tuple[int, int] = (3, 3)
    strides: int | tuple[int, int] = 1
    padding: Any = None
    feature_group_count: int = 1
    use_bias: bool | None = None
    zero_init: bool = False
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act | None = nn.relu

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H', W', features), H' = (H + padding - kernel) // stride + 1.

        Raises:
          ValueError: If a field cannot be meant, or the window does not fit the input.
        """
        kernel_size, strides = self._windows(x)
        y = conv_norm(
            self,
            x,
            "",
            self.features,
            kernel_size,
            stride=strides,
            padding=self.padding,
            groups=self.feature_group_count,
            use_bias=self.use_bias,
            zero_init=self.zero_init,
        )
        return y if self.act is None else self.act(y)

    def _windows(self, x: Array) -> tuple[Any, Any]:
        report = start_report(self, x, "features", "feature_group_count")
        kernel_size = report.ints("kernel_size", self.kernel_size, 2)
        strides = report.ints("strides", self.strides, 2)
        groups = self.feature_group_count
        if is_int(groups) and groups > 0 and is_int(self.features):
            for what, size in (("input channels", x.shape[-1]), ("features", self.features)):
                rule, fix = f"must divide the {size} {what}", f"use a divisor of {size}"
                report.expect(size % groups == 0, "feature_group_count", groups, rule, fix)
        expect_scale(report, self)
        report.done()
        return kernel_size, strides
