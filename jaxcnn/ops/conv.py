"""Convolution over one, two or three spatial axes (strictly: cross-correlation)."""

from typing import Any

import jax.numpy as jnp

from jaxcnn.checks import Report, channel_last_hint
from jaxcnn.ops.convolve import convolve
from jaxcnn.ops.pad import expect_batch, expect_mode, pad_window
from jaxcnn.ops.window import resolve
from jaxcnn.typing import Array, IntOrTuple, Padding


def conv(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    stride: IntOrTuple = 1,
    padding: Padding = 0,
    padding_mode: str = "zeros",
    dilation: IntOrTuple = 1,
    groups: int = 1,
    precision: Any = None,
) -> Array:
    r"""Convolve a channel-last batch with a bank of filters.

    .. math:: y_{n,p,k} = b_k + \sum_{u,c} x_{n,\,sp + du - lo,\,c} \; w_{u,c,k}

    The filter is not flipped, as in every deep-learning framework. With `groups > 1` the
    channels are divided into groups that are convolved apart; `groups` equal to the number of
    input channels is the depthwise convolution.

    Args:
      x: `(N, *S, C)` with one to three spatial axes.
      kernel: `(*window, C // groups, K)`, of the dtype of `x`.
      bias: `(K,)`, or None.
      stride: steps between windows, >= 1; an int for all axes or one per axis.
      padding: `"VALID"`, `"SAME"`, an int, or per axis an int or a `(low, high)` pair.
      padding_mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
      dilation: steps between the taps of a filter, >= 1.
      groups: how many groups; divides both `C` and `K`.
      precision: see `jax.lax.Precision`.

    Returns:
      `(N, *S', K)` with `S' = (S + low + high - dilation * (window - 1) - 1) // stride + 1`,
      in the dtype of `x`.

    Raises:
      ValueError: if shapes do not agree, the filter does not fit, or an option is out of range.
      TypeError: if `x` is not floating point, or the dtypes differ.

    Reference: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.

    >>> x = jnp.ones((1, 5, 5, 1))
    >>> conv(x, jnp.ones((3, 3, 1, 1)), stride=2)[0, :, :, 0]
    Array([[9., 9.],
           [9., 9.]], dtype=float32)
    """
    report = Report("conv", x)
    if not (expect_batch(report, x) and expect_rank(report, x, kernel)):
        report.done()
    expect_channels(report, x, kernel, groups)
    expect_bias(report, bias, kernel.shape[-1], x)
    sizes, window = x.shape[1:-1], kernel.shape[:-2]
    place = resolve(report, sizes, window, stride, padding, dilation, window_name="kernel")
    expect_mode(report, padding_mode, sizes, place.padding)
    report.done()
    if padding_mode != "zeros":
        x, place = pad_window(x, place, padding_mode)
    y = convolve(x, kernel, place, groups, precision)
    return y if bias is None else y + jnp.expand_dims(bias, range(y.ndim - 1))


def expect_rank(report: Report, x: Any, kernel: Any) -> bool:
    """Expect a floating-point kernel with the spatial axes of the batch."""
    if not expect_operand(report, "kernel", kernel, x):
        return False
    rank = x.ndim - 2
    axes = {1: "(W, in, out)", 2: "(H, W, in, out)", 3: "(D, H, W, in, out)"}[rank]
    return report.expect(
        kernel.ndim == x.ndim,
        *("kernel", kernel, f"must have shape {axes} for an input with {rank} spatial axes"),
        "reshape the kernel: spatial axes first, then input and output channels",
    ) and report.expect(
        0 not in kernel.shape,
        *("kernel", kernel, "must have no empty axis", "check the kernel's shape"),
    )


def expect_channels(report: Report, x: Any, kernel: Any, groups: Any) -> None:
    """Expect the channels of input, kernel and groups to agree."""
    channels, (inner, outer) = x.shape[-1], kernel.shape[-2:]
    before, groups = len(report.problems), report.count("groups", groups)
    for axis, size in (("input", channels), ("output", outer)):
        rule = f"must divide the {size} {axis} channels"
        report.expect(size % groups == 0, "groups", groups, rule, f"use a divisor of {size}")
    if len(report.problems) > before:
        return
    fix = f"make the kernel (*window, {channels // groups}, {outer}), or check the input"
    if x.shape[1] == inner * groups and len(set(x.shape[2:])) == 1:
        fix = channel_last_hint(x.shape)
    elif outer * groups == channels:
        fix = "swap the kernel's last two axes: (*window, in_channels // groups, out_channels)"
    rule = f"takes {inner * groups} input channels, the input has {channels}"
    report.expect(inner * groups == channels, "kernel", kernel, rule, fix)


def expect_operand(report: Report, name: str, array: Any, x: Any) -> bool:
    """Expect floating-point arrays of one dtype."""
    if not (report.floating("x", x) & report.floating(name, array)):
        return False
    rule = f"has dtype {array.dtype}, which must be that of the input, {x.dtype}"
    return report.expect(
        array.dtype == x.dtype, name, array, rule, f"cast one: {name}.astype(x.dtype)", kind=True
    )


def expect_bias(report: Report, bias: Any, features: int, x: Any) -> None:
    """Expect one number per output channel, or None."""
    if bias is not None and expect_operand(report, "bias", bias, x):
        rule = f"must have shape ({features},), one number per output channel"
        report.expect(bias.shape == (features,), "bias", bias, rule, f"reshape it to ({features},)")
