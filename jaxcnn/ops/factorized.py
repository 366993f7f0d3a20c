"""Convolutions made of smaller ones: depthwise separable, and axis by axis."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from jaxcnn.checks import Report
from jaxcnn.ops.conv import conv, expect_operand
from jaxcnn.ops.pad import expect_batch
from jaxcnn.ops.window import resolve_padding
from jaxcnn.typing import Array, IntOrTuple, Padding


def separable_conv(
    x: Array,
    depthwise: Array,
    pointwise: Array,
    bias: Array | None = None,
    *,
    stride: IntOrTuple = 1,
    padding: Padding = 0,
    padding_mode: str = "zeros",
    dilation: IntOrTuple = 1,
) -> Array:
    """Filter every channel apart, then mix the channels at every position.

    Args:
      x: `(N, *S, C)` with one to three spatial axes.
      depthwise: `(*window, 1, C * multiplier)`.
      pointwise: `(*ones, C * multiplier, K)`, a window of one element.
      bias: `(K,)`, or None.
      stride: as in `conv`, for the depthwise step.
      padding: as in `conv`.
      padding_mode: as in `conv`.
      dilation: as in `conv`.

    Returns:
      `(N, *S', K)`, with sizes as in `conv`.

    Raises:
      ValueError: if shapes do not agree.

    Reference: Chollet, "Xception", 2017.

    >>> x = jnp.ones((1, 4, 4, 2))
    >>> separable_conv(x, jnp.ones((3, 3, 1, 2)), jnp.ones((1, 1, 2, 1)))[0, :, :, 0]
    Array([[18., 18.],
           [18., 18.]], dtype=float32)
    """
    report = Report("separable_conv", x)
    if expect_batch(report, x) and expect_operand(report, "pointwise", pointwise, x):
        ok = pointwise.ndim == x.ndim and set(pointwise.shape[:-2]) == {1}
        rule, fix = "must have a window of one element", "use a shape like (1, 1, in, out)"
        report.expect(ok, "pointwise", pointwise, rule, fix)
    report.done()
    options: dict[str, Any] = {"padding": padding, "padding_mode": padding_mode}
    y = conv(x, depthwise, stride=stride, dilation=dilation, groups=x.shape[-1], **options)
    return conv(y, pointwise, bias)


def factorized_conv(
    x: Array,
    kernels: Sequence[Array],
    bias: Array | None = None,
    *,
    stride: IntOrTuple = 1,
    padding: Padding = 0,
    padding_mode: str = "zeros",
) -> Array:
    """Convolve along one axis after the other: n×1, then 1×n.

    For single channels this equals convolving with the outer product of the filters, at
    `2n` instead of `n²` multiplications per position.

    Args:
      x: `(N, *S, C)` with one to three spatial axes.
      kernels: for each spatial axis, in order, `(window, channels before, channels after)`.
      bias: one per output channel, or None.
      stride: as in `conv`.
      padding: as in `conv`.
      padding_mode: as in `conv`.

    Returns:
      `(N, *S', K)`, with sizes as in `conv`.

    Raises:
      ValueError: if there is not one kernel per axis, or shapes do not agree.

    Reference: Szegedy et al., "Rethinking the Inception Architecture", 2016, section 3.2.

    >>> column, row = jnp.array([1.0, 2, 1]), jnp.array([1.0, 0, -1])
    >>> x = jnp.arange(9.0).reshape(1, 3, 3, 1)
    >>> factorized_conv(x, [column[:, None, None], row[:, None, None]]).ravel()
    Array([-8.], dtype=float32)
    """
    report = Report("factorized_conv", x)
    if not expect_batch(report, x):
        report.done()
    rank = x.ndim - 2
    ok = isinstance(kernels, Sequence) and len(kernels) == rank
    ok = ok and all(getattr(kernel, "ndim", 0) == 3 for kernel in kernels)
    rule = f"must hold {rank} kernels of shape (window, in, out), one per spatial axis"
    if not report.expect(ok, "kernels", kernels, rule, "pass one 1-D kernel per axis"):
        report.done()
    strides = report.ints("stride", stride, rank)
    spans = tuple(kernel.shape[0] for kernel in kernels)
    pads = resolve_padding(report, padding, x.shape[1:-1], spans, strides)
    report.done()
    for axis, kernel in enumerate(kernels):
        here = [axis == other for other in range(rank)]
        window = [kernel.shape[0] if own else 1 for own in here]
        x = conv(
            x,
            jnp.reshape(kernel, (*window, *kernel.shape[1:])),
            bias if axis == rank - 1 else None,
            stride=tuple(s if own else 1 for s, own in zip(strides, here, strict=True)),
            padding=tuple(p if own else (0, 0) for p, own in zip(pads, here, strict=True)),
            padding_mode=padding_mode,
        )
    return x
