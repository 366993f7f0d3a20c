"""Transposed convolution: the gradient of a convolution with respect to its input."""

from typing import Any

import jax.numpy as jnp

from jaxcnn.checks import Report
from jaxcnn.ops.conv import expect_bias, expect_rank
from jaxcnn.ops.fractional import fractional
from jaxcnn.ops.pad import expect_batch
from jaxcnn.ops.window import Pairs, extent, resolve_padding
from jaxcnn.typing import Array, IntOrTuple, Padding, Shape


def conv_transpose(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    stride: IntOrTuple = 1,
    padding: Padding = 0,
    output_padding: IntOrTuple = 0,
    dilation: IntOrTuple = 1,
    groups: int = 1,
    precision: Any = None,
) -> Array:
    r"""Transpose the convolution with the same filters, stride, padding and dilation.

    Every input element stamps its filter, weighted by its value, onto the output, `stride`
    apart; `padding` is cut off the result. The meaning is PyTorch's (and the lectures'). XLA's
    dilated convolutions are avoided, as their gradients are slow: zeros are put between the
    elements by a pad, and on CPUs one convolution computes all phases of the stride as channels,
    a matrix product where filters do not overlap.

    .. math:: y_{n,q,k} = b_k + \sum_{p, u, c:\; sp + du - lo = q} x_{n,p,c} \, w_{u,c,k}

    Args:
      x: `(N, *S, C)` with one to three spatial axes.
      kernel: `(*window, C, K // groups)`, of the dtype of `x`.
      bias: `(K,)`, or None.
      stride: distance between stamps, >= 1; an int for all axes or one per axis.
      padding: what to cut off: an int, or per axis an int or a `(low, high)` pair.
      output_padding: elements to add at the high end, less than stride or dilation: it tells
        apart the sizes that a strided convolution maps to the same size.
      dilation: steps between the taps of a filter, >= 1.
      groups: how many groups; divides `C`.
      precision: see `jax.lax.Precision`.

    Returns:
      `(N, *S', K)` with `S' = (S - 1) * stride - low - high + dilation * (window - 1) + 1 +
      output_padding`, in the dtype of `x`.

    Raises:
      ValueError: if shapes do not agree, an option is out of range, or nothing is left.
      TypeError: if `x` is not floating point, or the dtypes differ.

    Reference: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
    chapter 4.

    >>> conv_transpose(jnp.array([[[1.0], [2.0]]]), jnp.ones((3, 1, 1)), stride=2).ravel()
    Array([1., 1., 3., 2., 2.], dtype=float32)
    """
    report = Report("conv_transpose", x)
    if not (expect_batch(report, x) and expect_rank(report, x, kernel)):
        report.done()
    groups = report.count("groups", groups)
    channels, features = x.shape[-1], kernel.shape[-1] * groups
    rule, fix = f"must divide the {channels} input channels", f"use a divisor of {channels}"
    report.expect(channels % groups == 0, "groups", groups, rule, fix)
    rule = f"must be (*window, {channels}, out_channels // groups)"
    fix = "put the input channels before the output channels, as in *window, in, out // groups"
    report.expect(kernel.shape[-2] == channels, "kernel", kernel, rule, fix)
    expect_bias(report, bias, features, x)
    strides, pads, extra, steps = _resolve(
        report, x, kernel, stride, padding, output_padding, dilation
    )
    report.done()
    window = kernel.shape[:-2]
    spans = [extent(k, d) for k, d in zip(window, steps, strict=True)]
    margins = tuple(
        (e - 1 - lo, e - 1 - hi + more)
        for e, (lo, hi), more in zip(spans, pads, extra, strict=True)
    )
    flipped = by_group(jnp.flip(kernel, range(kernel.ndim - 2)), groups)
    y = fractional(x, flipped, strides, margins, steps, groups, precision)
    return y if bias is None else y + jnp.expand_dims(bias, range(y.ndim - 1))


def by_group(kernel: Array, groups: int) -> Array:
    """Bring `(*window, C, K // groups)` into the order of a convolution's kernel."""
    if groups == 1:
        return kernel
    *window, channels, features = kernel.shape
    split = kernel.reshape(*window, groups, channels // groups, features)
    return jnp.moveaxis(split, -3, -2).reshape(*window, channels // groups, groups * features)


def _resolve(
    report: Report, x: Any, kernel: Any, stride: Any, padding: Any, extra: Any, dilation: Any
) -> tuple[Shape, Pairs, Shape, Shape]:
    """Check what places the stamps."""
    rank, window = x.ndim - 2, kernel.shape[:-2]
    before = len(report.problems)
    stride = report.ints("stride", stride, rank)
    dilation = report.ints("dilation", dilation, rank)
    given, extra = extra, report.ints("output_padding", extra, rank, low=0)
    if isinstance(padding, str):
        rule, fix = "must be numbers, which are cut off the output", "use e.g. padding=1"
        report.expect(False, "padding", padding, rule, fix, kind=True)
        padding = 0
    spans = tuple(extent(k, d) for k, d in zip(window, dilation, strict=True))
    pads = resolve_padding(report, padding, x.shape[1:-1], spans, stride)
    small = all(e < max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True))
    rule, fix = "must be less than stride or dilation", "lower it: the sizes in between suffice"
    report.expect(small or not any(extra), "output_padding", given, rule, fix)
    sizes = tuple(
        (n - 1) * s - lo - hi + span + e
        for n, s, (lo, hi), span, e in zip(x.shape[1:-1], stride, pads, spans, extra, strict=True)
    )
    if len(report.problems) == before:
        rule = f"cuts off everything: the output would have sizes {sizes}"
        report.expect(min(sizes) > 0, "padding", padding, rule, "use less padding")
    return stride, pads, extra, dilation
