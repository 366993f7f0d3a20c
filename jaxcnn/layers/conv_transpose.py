"""The transposed-convolution layer: flax.linen's, without XLA's slow dilated convolutions."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from flax.linen import dtypes, initializers

from jaxcnn.layers import arguments
from jaxcnn.layers.conv import default_kernel_init
from jaxcnn.ops.fractional import fractional
from jaxcnn.ops.window import Pairs, extent, resolve_padding
from jaxcnn.typing import Array, Dtype, Shape


class ConvTranspose(nn.Module):
    """A transposed convolution, as `flax.linen.ConvTranspose`: same fields and parameters.

    `padding` keeps the meaning of `jax.lax.conv_transpose`: numbers pad the input whose elements
    are `strides` apart, so PyTorch's `padding=p` is `dilation * (k - 1) - p` here, and its
    weights need `transpose_kernel=True`. `jaxcnn.ops.conv_transpose` has PyTorch's meaning.

    Attributes:
      features: number of filters.
      kernel_size: window per spatial axis; its length is the number of spatial axes.
      strides: distance between stamps; None means 1.
      padding: `"SAME"`, `"VALID"`, `"CIRCULAR"`, an int, or per axis an int or a pair.
      kernel_dilation: steps between the taps of a filter; None means 1.
      use_bias: whether to add a bias.
      mask: of the kernel's shape; multiplies the kernel.
      dtype: dtype of the computation (default: that of input and parameters).
      param_dtype: dtype of the parameters.
      precision: see `jax.lax.Precision`.
      kernel_init: initializer of the kernel, `(*kernel_size, C, features)`.
      bias_init: initializer of the bias, `(features,)`.
      transpose_kernel: whether the kernel is that of the convolution to transpose: its axes are
        flipped, and its channels `(features, C)`.
      promote_dtype: brings input, kernel and bias to one dtype.
      preferred_element_type: dtype of the result.

    >>> import jax
    >>> layer = ConvTranspose(4, (2, 2), strides=(2, 2))
    >>> y, variables = layer.init_with_output(jax.random.key(0), jnp.ones((1, 8, 8, 3)))
    >>> y.shape, jax.tree.map(jnp.shape, variables["params"])
    ((1, 16, 16, 4), {'bias': (4,), 'kernel': (2, 2, 3, 4)})
    """

    features: int
    kernel_size: int | Sequence[int]
    strides: int | Sequence[int] | None = None
    padding: Any = "SAME"
    kernel_dilation: int | Sequence[int] | None = None
    use_bias: bool = True
    mask: Array | None = None
    dtype: Dtype | None = None
    param_dtype: Dtype = jnp.float32
    precision: Any = None
    kernel_init: Callable[..., Array] = default_kernel_init
    bias_init: Callable[..., Array] = initializers.zeros_init()
    transpose_kernel: bool = False
    promote_dtype: Callable[..., Any] = dtypes.promote_dtype
    preferred_element_type: Dtype | None = None

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Convolve.

        Args:
          inputs: `(*batch, *S, C)`; any number of batch axes, also none.

        Returns:
          `(*batch, *S', features)`.
        """
        kernel_shape, strides, dilation, margins = self._resolve(inputs)
        kernel = self.param("kernel", self.kernel_init, kernel_shape, self.param_dtype)
        if self.mask is not None:
            kernel = kernel * self.mask
        bias = None
        if self.use_bias:
            bias = self.param("bias", self.bias_init, (self.features,), self.param_dtype)
        x, batch = arguments.merge_batch(inputs, len(strides))
        x, kernel, bias = self.promote_dtype(x, kernel, bias, dtype=self.dtype)
        if self.transpose_kernel:
            kernel = jnp.flip(kernel, range(len(strides))).swapaxes(-1, -2)
        y = fractional(x, kernel, strides, margins, dilation, precision=self.precision)
        if self.preferred_element_type is not None:
            y = y.astype(self.preferred_element_type)
        if self.padding == "CIRCULAR":
            period = tuple(n * s for n, s in zip(x.shape[1:-1], strides, strict=True))
            y = wrap(y, period, later=self.transpose_kernel)
        if bias is not None:
            y = y + jnp.expand_dims(bias, range(y.ndim - 1))
        return arguments.split_batch(y, batch)

    def _resolve(self, x: Array) -> tuple[Shape, Shape, Shape, Pairs]:
        """Check all arguments and say how the input is padded."""
        report = arguments.report_for(self, x)
        window = arguments.window_of(report, self.kernel_size, x)
        rank = len(window)
        arguments.expect_features(report, x.shape[-1], self.features, 1)
        strides = arguments.per_axis(report, "strides", self.strides, rank)
        dilation = arguments.per_axis(report, "kernel_dilation", self.kernel_dilation, rank)
        report.done()
        spans = tuple(extent(k, d) for k, d in zip(window, dilation, strict=True))
        named = {"SAME": same, "VALID": full, "CIRCULAR": full}
        if isinstance(self.padding, str):
            report.choice("padding", self.padding, tuple(named))
            report.done()
            place = named[self.padding]
            margins = tuple(place(e, s) for e, s in zip(spans, strides, strict=True))
        else:
            margins = resolve_padding(report, self.padding, x.shape[1:-1], spans, strides)
        channels = (x.shape[-1], self.features)
        kernel_shape = (*window, *(channels[::-1] if self.transpose_kernel else channels))
        arguments.expect_channels(report, self, x, kernel_shape)
        if self.mask is not None:
            rule, fix = f"must have the kernel's shape {kernel_shape}", "reshape the mask"
            report.expect(self.mask.shape == kernel_shape, "mask", self.mask, rule, fix)
        sizes = x.shape[-rank - 1 : -1]
        fits = all(
            (n - 1) * s + 1 + lo + hi >= e
            for n, s, (lo, hi), e in zip(sizes, strides, margins, spans, strict=True)
        )
        rule, fix = f"must fit into the padded input {sizes}", "use more padding"
        report.expect(fits, "kernel_size", window, rule, fix)
        report.done()
        return kernel_shape, strides, dilation, margins


def same(span: int, stride: int) -> tuple[int, int]:
    """Return the margins with which the output has `stride` times the input's size."""
    total = span + stride - 2
    low = span - 1 if stride > span - 1 else -(-total // 2)
    return low, total - low


def full(span: int, stride: int) -> tuple[int, int]:
    """Return the margins with which every stamp is whole, as `jax.lax.conv_transpose` does."""
    return span - 1, stride - 1 + max(span - stride, 0)


def wrap(y: Array, period: Shape, *, later: bool) -> Array:
    """Add up what lies whole periods apart, as on a torus.

    What is added to reach whole periods goes to both ends, so that the input stays in place; of
    an odd number the larger half goes to the end if `later`, else to the beginning.
    """
    for axis, size in enumerate(period, start=1):
        more = -(y.shape[axis] - size) % (2 * size)
        low = more // 2 if later else (more + 1) // 2
        margins = [(0, 0)] * y.ndim
        margins[axis] = (low, more - low)
        y = jnp.pad(y, margins)
        y = y.reshape(*y.shape[:axis], -1, size, *y.shape[axis + 1 :]).sum(axis)
    return y
