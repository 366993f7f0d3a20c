"""Pooling with the signatures of flax.linen."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from jaxcnn import ops
from jaxcnn.checks import Report
from jaxcnn.layers.arguments import merge_batch, split_batch
from jaxcnn.typing import Array, Padding


def max_pool(
    inputs: Array,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
    *,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Array:
    """Take the maximum of every window, as `flax.linen.max_pool`.

    Beware that strides are 1 by default, as in Flax; `jaxcnn.ops.max_pool` steps by the window.

    Args:
      inputs: `(*batch, *S, C)`; any number of batch axes, or none before two or one axes.
      window_shape: one int per spatial axis.
      strides: one int per axis; None means 1.
      padding: `"VALID"`, `"SAME"`, an int, or per axis an int or a `(low, high)` pair.
      dilation: steps between the elements of a window.
      ceil_mode: whether a last window may hang over the border.

    Returns:
      `(*batch, *S', C)`.

    Raises:
      ValueError: if an argument cannot be meant.

    >>> max_pool(jnp.arange(9.0).reshape(1, 3, 3, 1), (2, 2))[0, :, :, 0]
    Array([[4., 5.],
           [7., 8.]], dtype=float32)
    """
    options = {"dilation": dilation, "ceil_mode": ceil_mode}
    return _pool(ops.max_pool, inputs, window_shape, strides, padding, options)


def min_pool(
    inputs: Array,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
    *,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Array:
    """Take the minimum of every window, as `flax.linen.min_pool`.

    Args:
      inputs: as in `max_pool`.
      window_shape: one int per spatial axis.
      strides: one int per axis; None means 1.
      padding: as in `max_pool`.
      dilation: steps between the elements of a window.
      ceil_mode: whether a last window may hang over the border.

    Returns:
      `(*batch, *S', C)`.

    Raises:
      ValueError: if an argument cannot be meant.

    >>> min_pool(jnp.arange(9.0).reshape(1, 3, 3, 1), (2, 2))[0, :, :, 0]
    Array([[0., 1.],
           [3., 4.]], dtype=float32)
    """
    options = {"dilation": dilation, "ceil_mode": ceil_mode}
    return _pool(ops.min_pool, inputs, window_shape, strides, padding, options)


def avg_pool(
    inputs: Array,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
    *,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Array:
    """Take the mean of every window, as `flax.linen.avg_pool`.

    Args:
      inputs: as in `max_pool`.
      window_shape: one int per spatial axis.
      strides: one int per axis; None means 1.
      padding: as in `max_pool`.
      count_include_pad: whether padding counts as zeros in the mean.
      dilation: steps between the elements of a window.
      ceil_mode: whether a last window may hang over the border.

    Returns:
      `(*batch, *S', C)`.

    Raises:
      ValueError: if an argument cannot be meant.

    >>> avg_pool(jnp.arange(9.0).reshape(1, 3, 3, 1), (2, 2))[0, :, :, 0]
    Array([[2., 3.],
           [5., 6.]], dtype=float32)
    """
    options = {
        "dilation": dilation,
        "ceil_mode": ceil_mode,
        "count_include_pad": count_include_pad,
    }
    return _pool(ops.avg_pool, inputs, window_shape, strides, padding, options)


def _pool(
    op: Any, inputs: Array, window: Any, strides: Any, padding: Padding, options: dict[str, Any]
) -> Array:
    report = Report(op.__name__, inputs)
    ok = isinstance(window, Sequence) and 1 <= len(window) <= 3
    rule, fix = "must be 1 to 3 ints, one per spatial axis", "pass e.g. (2, 2)"
    if not report.expect(ok, "window_shape", window, rule, fix, kind=True):
        report.done()
    rank = len(window)
    # Without a batch axis a volume cannot be told from images that are pooled over the batch.
    least = rank + 2 if rank == 3 else rank + 1
    rule = f"must have at least {least} axes for a window of {rank}"
    fix = "give window_shape one entry per spatial axis, or the input a batch axis with x[None]"
    report.expect(jnp.ndim(inputs) >= least, "inputs", inputs, rule, fix)
    report.done()
    x, batch = merge_batch(inputs, rank)
    strides = 1 if strides is None else strides
    y = op(x, tuple(window), stride=strides, padding=padding, **options)
    return split_batch(y, batch)
