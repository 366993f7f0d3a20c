"""The convolution layer: flax.linen's, with checks, padding modes and faster gradients."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from flax.linen import dtypes, initializers

from jaxcnn.layers import arguments
from jaxcnn.ops.convolve import convolve
from jaxcnn.ops.native import NUMBERS
from jaxcnn.ops.pad import expect_mode, pad_window
from jaxcnn.ops.window import Window, resolve
from jaxcnn.typing import Array, Dtype

default_kernel_init = initializers.lecun_normal()


class Conv(nn.Module):
    """A convolution, as `flax.linen.Conv`: same fields, defaults and parameters.

    It adds `padding_mode`, checks its arguments, and computes with `jaxcnn.ops.conv`. Note two
    habits of Flax that it keeps: `padding` is `"SAME"` by default, and an int `kernel_size`
    means one spatial axis (for which an NHWC input is refused here).

    Attributes:
      features: number of filters.
      kernel_size: window per spatial axis; its length is the number of spatial axes.
      strides: steps between windows; an int for all axes or one per axis.
      padding: `"SAME"`, `"VALID"`, `"SAME_LOWER"`, `"CIRCULAR"`, `"REFLECT"`, `"CAUSAL"` (one
        axis only), an int, or per axis an int or a `(low, high)` pair.
      input_dilation: steps between the input's elements, as in a transposed convolution.
      kernel_dilation: steps between the taps of a filter.
      feature_group_count: number of groups; that of the input channels makes it depthwise.
      use_bias: whether to add a bias.
      mask: of the kernel's shape; multiplies the kernel.
      dtype: dtype of the computation (default: that of input and parameters).
      param_dtype: dtype of the parameters.
      precision: see `jax.lax.Precision`.
      kernel_init: initializer of the kernel, `(*kernel_size, C // groups, features)`.
      bias_init: initializer of the bias, `(features,)`.
      promote_dtype: brings input, kernel and bias to one dtype.
      conv_general_dilated: computes instead of `jaxcnn.ops`, with the signature of
        `jax.lax.conv_general_dilated`.
      conv_general_dilated_cls: a module class whose instances compute so.
      padding_mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.

    >>> import jax
    >>> layer = Conv(4, (3, 3), strides=2, padding=1, padding_mode="reflect")
    >>> y, variables = layer.init_with_output(jax.random.key(0), jnp.ones((1, 8, 8, 3)))
    >>> y.shape, jax.tree.map(jnp.shape, variables["params"])
    ((1, 4, 4, 4), {'bias': (4,), 'kernel': (3, 3, 3, 4)})
    """

    features: int
    kernel_size: int | Sequence[int]
    strides: None | int | Sequence[int] = 1
    padding: Any = "SAME"
    input_dilation: None | int | Sequence[int] = 1
    kernel_dilation: None | int | Sequence[int] = 1
    feature_group_count: int = 1
    use_bias: bool = True
    mask: Array | None = None
    dtype: Dtype | None = None
    param_dtype: Dtype = jnp.float32
    precision: Any = None
    kernel_init: Callable[..., Array] = default_kernel_init
    bias_init: Callable[..., Array] = initializers.zeros_init()
    promote_dtype: Callable[..., Any] = dtypes.promote_dtype
    conv_general_dilated: Callable[..., Array] | None = None
    conv_general_dilated_cls: Any = None
    padding_mode: str = "zeros"

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Convolve.

        Args:
          inputs: `(*batch, *S, C)`; any number of batch axes, also none.

        Returns:
          `(*batch, *S', features)`.
        """
        window, place, spread, mode = self._resolve(inputs)
        groups = self.feature_group_count
        kernel_shape = (*window, inputs.shape[-1] // groups, self.features)
        kernel = self.param("kernel", self.kernel_init, kernel_shape, self.param_dtype)
        if self.mask is not None:
            kernel = kernel * self.mask
        bias = None
        if self.use_bias:
            bias = self.param("bias", self.bias_init, (self.features,), self.param_dtype)
        x, batch = arguments.merge_batch(inputs, len(window))
        x, kernel, bias = self.promote_dtype(x, kernel, bias, dtype=self.dtype)
        if mode != "zeros":
            x, place = pad_window(x, place, mode)
        y = self._convolve(x, kernel, place, spread)
        if bias is not None:
            y = y + jnp.expand_dims(bias, range(y.ndim - 1))
        return arguments.split_batch(y, batch)

    def _resolve(self, x: Array) -> tuple[tuple[int, ...], Window, tuple[int, ...], str]:
        """Check all arguments and say where the windows lie."""
        report = arguments.report_for(self, x)
        window = arguments.window_of(report, self.kernel_size, x)
        rank = len(window)
        spread = arguments.per_axis(report, "input_dilation", self.input_dilation, rank)
        arguments.expect_features(report, x.shape[-1], self.features, self.feature_group_count)
        strides = arguments.per_axis(report, "strides", self.strides, rank)
        dilation = arguments.per_axis(report, "kernel_dilation", self.kernel_dilation, rank)
        padding, mode = arguments.padding_and_mode(
            report, self.padding, self.padding_mode, window, dilation
        )
        report.done()
        sizes = tuple((n - 1) * s + 1 for n, s in zip(x.shape[-rank - 1 : -1], spread, strict=True))
        place = resolve(
            report, sizes, window, strides, padding, dilation, window_name="kernel_size"
        )
        expect_mode(report, mode, x.shape[-rank - 1 : -1], place.padding)
        kernel_shape = (*window, x.shape[-1] // self.feature_group_count, self.features)
        arguments.expect_channels(report, self, x, kernel_shape)
        if self.mask is not None:
            rule, fix = f"must have the kernel's shape {kernel_shape}", "reshape the mask"
            report.expect(self.mask.shape == kernel_shape, "mask", self.mask, rule, fix)
        report.done()
        return window, place, spread, mode

    def _convolve(self, x: Array, kernel: Array, place: Window, spread: tuple[int, ...]) -> Array:
        """Compute with the injected function, or with the library's."""
        injected = self.conv_general_dilated
        if self.conv_general_dilated_cls is not None:
            injected = self.conv_general_dilated_cls()
        groups = self.feature_group_count
        if injected is None:
            return convolve(x, kernel, place, groups, self.precision, spread)
        return injected(
            x,
            kernel,
            place.stride,
            place.padding,
            lhs_dilation=spread,
            rhs_dilation=place.dilation,
            dimension_numbers=NUMBERS[x.ndim - 2],
            feature_group_count=groups,
            precision=self.precision,
        )
