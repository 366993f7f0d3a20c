"""Max pooling that remembers where the maxima were, and its approximate inverse."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.checks import Report
from jaxcnn.ops.max_pool import first_maximum, maximum
from jaxcnn.ops.pad import expect_batch
from jaxcnn.ops.pool_checks import resolve_pool
from jaxcnn.typing import Array, IntOrTuple, Padding


def max_pool_with_indices(
    x: Array,
    window: IntOrTuple,
    *,
    stride: IntOrTuple | None = None,
    padding: Padding = 0,
    dilation: IntOrTuple = 1,
    ceil_mode: bool = False,
) -> tuple[Array, Array]:
    """Take the maximum of every window, and say where it was: the switches of unpooling.

    Args:
      x: `(N, *S, C)` with one to three spatial axes.
      window: as in `max_pool`.
      stride: as in `max_pool`.
      padding: as in `max_pool`.
      dilation: as in `max_pool`.
      ceil_mode: as in `max_pool`.

    Returns:
      `(y, indices)`, both `(N, *S', C)`: the maxima, and the row-major position of the first
      maximum in the spatial axes of `x`, as int32 (PyTorch's meaning).

    Raises:
      ValueError: as `max_pool` does.

    >>> y, indices = max_pool_with_indices(jnp.array([1.0, 5, 2, 0]).reshape(1, 4, 1), 2)
    >>> y.ravel(), indices.ravel()
    (Array([5., 2.], dtype=float32), Array([1, 2], dtype=int32))
    """
    report = Report("max_pool_with_indices", x)
    place = resolve_pool(report, x, window, stride, padding, dilation, ceil_mode, floating=False)
    y = maximum(x, place)
    number = first_maximum(jax.lax.stop_gradient(x), place).astype(jnp.int32)
    flat = jnp.zeros_like(number)
    rank = len(place.window)
    taps = np.indices(place.window).reshape(rank, -1)
    for axis, n in enumerate(place.sizes):
        offsets = jnp.asarray(taps[axis] * place.dilation[axis], jnp.int32)
        starts = np.arange(place.output[axis]) * place.stride[axis] - place.padding[axis][0]
        shape = tuple(-1 if i == axis + 1 else 1 for i in range(rank + 2))
        flat = flat * n + offsets[number] + jnp.asarray(starts, jnp.int32).reshape(shape)
    return y, flat


def max_unpool(x: Array, indices: Array, output_size: Sequence[int]) -> Array:
    """Put values back to where the maxima were, and zeros elsewhere.

    Args:
      x: `(N, *S, C)`, e.g. the maxima.
      indices: `(N, *S, C)`, as `max_pool_with_indices` returns them.
      output_size: the spatial sizes of the result, one per axis.

    Returns:
      `(N, *output_size, C)`. Where windows overlapped and shared a maximum, one of the values.

    Raises:
      ValueError: if the shapes differ.

    Reference: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014.

    >>> x = jnp.array([1.0, 5, 2, 0]).reshape(1, 4, 1)
    >>> max_unpool(*max_pool_with_indices(x, 2), (4,)).ravel()
    Array([0., 5., 2., 0.], dtype=float32)
    """
    report = Report("max_unpool", x)
    if not expect_batch(report, x):
        report.done()
    integer = jnp.issubdtype(getattr(indices, "dtype", np.float32), jnp.integer)
    rule, fix = "must be integers of the input's shape", "pass those of max_pool_with_indices"
    ok = integer and indices.shape == x.shape
    report.expect(ok, "indices", indices, rule, fix, kind=not integer)
    sizes = report.ints("output_size", output_size, x.ndim - 2)
    report.done()
    batch, channels = x.shape[0], x.shape[-1]
    rows = jnp.arange(batch, dtype=jnp.int32)[:, None, None]
    columns = jnp.arange(channels, dtype=jnp.int32)[None, None]
    flat = jnp.zeros((batch, math.prod(sizes), channels), x.dtype)
    values = x.reshape(batch, -1, channels)
    flat = flat.at[rows, indices.reshape(values.shape), columns].set(values)
    return flat.reshape(batch, *sizes, channels)
