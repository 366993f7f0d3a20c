"""Convolution written out: patches as columns, and convolution as one matrix."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.checks import Report
from jaxcnn.ops.conv import conv
from jaxcnn.ops.pad import expect_batch
from jaxcnn.ops.taps import taps
from jaxcnn.ops.window import Window, resolve
from jaxcnn.typing import Array, IntOrTuple, Padding, Shape


def im2col(
    x: Array,
    window: IntOrTuple,
    *,
    stride: IntOrTuple = 1,
    padding: Padding = 0,
    dilation: IntOrTuple = 1,
) -> Array:
    """Return the patch that each window sees, as one row of numbers.

    With `kernel.reshape(-1, K)` convolution is then one product, `im2col(x, ...) @ kernel`.

    Args:
      x: `(N, *S, C)` with one to three spatial axes.
      window: size of the window, >= 1; an int for all axes or one per axis.
      stride: as in `conv`.
      padding: as in `conv`, with zeros.
      dilation: as in `conv`.

    Returns:
      `(N, *S', P * C)` for windows of `P` elements: elements row-major, channels fastest.

    Raises:
      ValueError: if a window does not fit.

    >>> im2col(jnp.arange(4.0).reshape(1, 4, 1), 2)[0]
    Array([[0., 1.],
           [1., 2.],
           [2., 3.]], dtype=float32)
    """
    return _columns(x, _resolve("im2col", x, None, window, stride, padding, dilation))


def col2im(
    columns: Array,
    output_size: IntOrTuple,
    window: IntOrTuple,
    *,
    stride: IntOrTuple = 1,
    padding: Padding = 0,
    dilation: IntOrTuple = 1,
) -> Array:
    """Add patches back to where they came from: the transpose of `im2col`.

    It is not the inverse: an element that lies in several windows is added as many times.

    Args:
      columns: `(N, *S', P * C)`, as `im2col` returns them.
      output_size: the spatial sizes of the result; an int for all axes or one per axis.
      window: as in `im2col`.
      stride: as in `im2col`.
      padding: as in `im2col`.
      dilation: as in `im2col`.

    Returns:
      `(N, *output_size, C)`.

    Raises:
      ValueError: if `columns` does not have the shape that `im2col` would give.

    >>> col2im(im2col(jnp.ones((1, 4, 1)), 2), 4, 2).ravel()
    Array([1., 2., 2., 1.], dtype=float32)
    """
    report = Report("col2im", columns)
    expect_batch(report, columns)
    report.done()
    sizes = report.ints("output_size", output_size, columns.ndim - 2)
    report.done()
    place = _resolve("col2im", columns, sizes, window, stride, padding, dilation)
    count = math.prod(place.window)
    ok = columns.shape[1:-1] == place.output and columns.shape[-1] % count == 0
    rule = f"must have shape (N, *{place.output}, C * {count})"
    report.expect(ok, "columns", columns, rule, "use the options that im2col was called with")
    report.done()
    shape = (columns.shape[0], *sizes, columns.shape[-1] // count)
    # An image that varies over the axes of a `shard_map` as the columns do; its values are unused.
    image = jnp.broadcast_to(jnp.sum(columns[:0]), shape)
    _, transpose = jax.vjp(lambda x: _columns(x, place), image)
    (y,) = transpose(columns)
    return y


def conv_matrix(
    kernel: Array,
    input_size: IntOrTuple,
    *,
    stride: IntOrTuple = 1,
    padding: Padding = 0,
    padding_mode: str = "zeros",
    dilation: IntOrTuple = 1,
    groups: int = 1,
) -> Array:
    """Return the matrix that a convolution is: sparse, with the same weights in every row.

    Its transpose is the transposed convolution. It is for looking at and for small inputs.

    Args:
      kernel: `(*window, C // groups, K)`.
      input_size: the spatial sizes of the input; an int for all axes or one per axis.
      stride: as in `conv`.
      padding: as in `conv`.
      padding_mode: as in `conv`.
      dilation: as in `conv`.
      groups: as in `conv`.

    Returns:
      `(prod(S') * K, prod(S) * C)`, so that `conv(x, kernel).ravel() == matrix @ x.ravel()` for
      one example.

    Raises:
      ValueError: as `conv` does.

    >>> conv_matrix(jnp.array([1.0, 2.0]).reshape(2, 1, 1), 3)
    Array([[1., 2., 0.],
           [0., 1., 2.]], dtype=float32)
    """
    report = Report("conv_matrix", kernel)
    report.floating("kernel", kernel)
    ok = 3 <= getattr(kernel, "ndim", 0) <= 5
    rule, fix = "must be (*window, in // groups, out)", "add the channel axes"
    report.expect(ok, "kernel", kernel, rule, fix)
    report.done()
    sizes = report.ints("input_size", input_size, kernel.ndim - 2)
    groups = report.count("groups", groups)
    report.done()
    shape = (*sizes, kernel.shape[-2] * groups)
    basis = jnp.eye(math.prod(shape), dtype=kernel.dtype).reshape(-1, *shape)
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    y = conv(basis, kernel, padding_mode=padding_mode, groups=groups, **options)
    return y.reshape(y.shape[0], -1).T


def _columns(x: Array, place: Window) -> Array:
    return jnp.concatenate(list(taps(x, place)), axis=-1)


def _resolve(name: str, x: Any, sizes: Shape | None, *arguments: Any) -> Window:
    report = Report(name, x)
    expect_batch(report, x)
    report.done()
    place = resolve(report, x.shape[1:-1] if sizes is None else sizes, *arguments)
    report.done()
    return place
