"""Pooling to a given size, and over everything."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.checks import Report
from jaxcnn.ops.max_pool import maximum
from jaxcnn.ops.pad import expect_batch
from jaxcnn.ops.pool_checks import expect_real
from jaxcnn.ops.window import Window
from jaxcnn.typing import Array, IntOrTuple


def adaptive_avg_pool(x: Array, output_size: IntOrTuple) -> Array:
    """Average windows that divide each axis into `output_size` parts, as evenly as can be.

    Part `i` of an axis of size `n` covers `floor(i n / m)` to `ceil((i + 1) n / m)`, as in
    PyTorch: parts overlap where `m` does not divide `n`, and repeat elements where `m > n`.

    Args:
      x: `(N, *S, C)` with one to three spatial axes, floating point.
      output_size: size of the result, >= 1; an int for all axes or one per axis.

    Returns:
      `(N, *output_size, C)` in the dtype of `x`.

    Raises:
      ValueError: if the size is out of range.

    >>> adaptive_avg_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel()
    Array([1., 3.], dtype=float32)
    >>> adaptive_avg_pool(jnp.arange(2.0).reshape(1, 2, 1), 3).ravel()
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    sizes = _resolve("adaptive_avg_pool", x, output_size)
    y = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    for axis, size in enumerate(sizes, start=1):
        if x.shape[axis] == size:
            continue
        weights = jnp.asarray(averages(x.shape[axis], size), y.dtype)
        y = jnp.moveaxis(jnp.tensordot(y, weights, ((axis,), (1,)), precision="highest"), -1, axis)
    return y.astype(x.dtype)


def adaptive_max_pool(x: Array, output_size: IntOrTuple) -> Array:
    """Take the maxima of windows that divide each axis into `output_size` parts.

    The parts are those of `adaptive_avg_pool`; the gradient goes to the first maximum.

    Args:
      x: `(N, *S, C)` with one to three spatial axes.
      output_size: size of the result, >= 1; an int for all axes or one per axis.

    Returns:
      `(N, *output_size, C)` in the dtype of `x`.

    Raises:
      ValueError: if the size is out of range.

    >>> adaptive_max_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel()
    Array([2., 4.], dtype=float32)
    """
    sizes = _resolve("adaptive_max_pool", x, output_size, floating=False)
    # The last axis first: then the first maximum of all is that of the first row that has it.
    for axis, size in reversed(list(enumerate(sizes, start=1))):
        x = _max_parts(x, axis, size)
    return x


def global_avg_pool(x: Array, *, keepdims: bool = False) -> Array:
    """Average over all spatial axes.

    Args:
      x: `(N, *S, C)` with one to three spatial axes, floating point.
      keepdims: whether the spatial axes stay, with size 1.

    Returns:
      `(N, C)`, or `(N, *ones, C)`, in the dtype of `x`.

    Reference: Lin et al., "Network In Network", 2014, section 3.2.

    >>> global_avg_pool(jnp.arange(4.0).reshape(1, 2, 2, 1))
    Array([[1.5]], dtype=float32)
    """
    _resolve("global_avg_pool", x, 1)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    axes = tuple(range(1, x.ndim - 1))
    return jnp.mean(x, axes, dtype=wide, keepdims=keepdims).astype(x.dtype)


def global_max_pool(x: Array, *, keepdims: bool = False) -> Array:
    """Take the maximum over all spatial axes; the gradient goes to the first.

    Args:
      x: `(N, *S, C)` with one to three spatial axes.
      keepdims: whether the spatial axes stay, with size 1.

    Returns:
      `(N, C)`, or `(N, *ones, C)`, in the dtype of `x`.

    >>> global_max_pool(jnp.arange(4.0).reshape(1, 2, 2, 1))
    Array([[3.]], dtype=float32)
    """
    y = adaptive_max_pool(x, 1)
    return y if keepdims else lax.squeeze(y, range(1, x.ndim - 1))


def parts(size: int, count: int) -> list[tuple[int, int]]:
    """Return where each of `count` parts of an axis starts and stops.

    >>> parts(5, 2)
    [(0, 3), (2, 5)]
    """
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def averages(size: int, count: int) -> np.ndarray:
    """Return the `(count, size)` matrix that averages each part.

    >>> averages(4, 2)
    array([[0.5, 0.5, 0. , 0. ],
           [0. , 0. , 0.5, 0.5]])
    """
    matrix = np.zeros((count, size))
    for row, (start, stop) in zip(matrix, parts(size, count), strict=True):
        row[start:stop] = 1 / (stop - start)
    return matrix


def _max_parts(x: Array, axis: int, count: int) -> Array:
    """Take the maximum of each part of one axis."""
    size = x.shape[axis]
    if size % count == 0:
        return _max_along(x, axis, size // count)
    pieces = [
        _max_along(lax.slice_in_dim(x, start, stop, axis=axis), axis, stop - start)
        for start, stop in parts(size, count)
    ]
    return jnp.concatenate(pieces, axis)


def _max_along(x: Array, axis: int, window: int) -> Array:
    """Pool one axis by windows that divide it."""

    def each(value: int, other: Callable[[int], int]) -> tuple[int, ...]:
        return tuple(value if i == axis else other(i) for i in range(1, x.ndim - 1))

    sizes, rank = x.shape[1:-1], x.ndim - 2
    ones, nothing = (1,) * rank, ((0, 0),) * rank
    windows = each(window, lambda i: 1)
    output = each(x.shape[axis] // window, lambda i: x.shape[i])
    return maximum(x, Window(sizes, windows, windows, nothing, ones, output, (0,) * rank))


def _resolve(name: str, x: Any, size: Any, *, floating: bool = True) -> tuple[int, ...]:
    report = Report(name, x)
    if not expect_batch(report, x):
        report.done()
    expect_real(report, x)
    if floating:
        report.floating("x", x)
    rank = x.ndim - 2
    sizes = report.ints("output_size", size, rank)
    report.done()
    return sizes
