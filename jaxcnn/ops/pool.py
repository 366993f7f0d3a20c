"""Average, sum, minimum and power-average pooling."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.checks import Report, is_number
from jaxcnn.ops.max_pool import maximum
from jaxcnn.ops.pool_checks import resolve_pool
from jaxcnn.ops.spread import spread, transposed
from jaxcnn.ops.taps import add_up, taps, windowed
from jaxcnn.ops.window import Window
from jaxcnn.typing import Array, IntOrTuple, Padding

UNROLL = 64  # more taps would compile slowly


def avg_pool(
    x: Array,
    window: IntOrTuple,
    *,
    stride: IntOrTuple | None = None,
    padding: Padding = 0,
    dilation: IntOrTuple = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """Take the mean of every window, per channel.

    Args:
      x: `(N, *S, C)` with one to three spatial axes, floating point.
      window: size of the window, >= 1; an int for all axes or one per axis.
      stride: steps between windows; None means the window.
      padding: `"VALID"`, `"SAME"`, an int, or per axis an int or a `(low, high)` pair.
      dilation: steps between the elements of a window, >= 1.
      ceil_mode: whether a last window may hang over the border, by PyTorch's rule; what hangs
        over is never counted.
      count_include_pad: whether padding counts as zeros in the mean.

    Returns:
      `(N, *S', C)` in the dtype of `x`, accumulated in at least 32 bits.

    Raises:
      ValueError: if a window does not fit, or would hold nothing but padding.
      TypeError: if `x` is not floating point.

    >>> avg_pool(jnp.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    Array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """
    report = Report("avg_pool", x)
    place = resolve_pool(report, x, window, stride, padding, dilation, ceil_mode)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    counts = divisor(place, include_padding=count_include_pad)
    return (total(x.astype(wide), place) / jnp.asarray(counts, wide)).astype(x.dtype)


def sum_pool(
    x: Array,
    window: IntOrTuple,
    *,
    stride: IntOrTuple | None = None,
    padding: Padding = 0,
    dilation: IntOrTuple = 1,
    ceil_mode: bool = False,
) -> Array:
    """Take the sum of every window, per channel.

    Args:
      x: `(N, *S, C)` with one to three spatial axes, floating point.
      window: size of the window, >= 1; an int for all axes or one per axis.
      stride: steps between windows; None means the window.
      padding: as in `avg_pool`.
      dilation: steps between the elements of a window, >= 1.
      ceil_mode: whether a last window may hang over the border.

    Returns:
      `(N, *S', C)` in the dtype of `x`, accumulated in at least 32 bits.

    Raises:
      ValueError: if a window does not fit, or would hold nothing but padding.
      TypeError: if `x` is not floating point.

    >>> sum_pool(jnp.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    Array([[10., 18.],
           [42., 50.]], dtype=float32)
    """
    report = Report("sum_pool", x)
    place = resolve_pool(report, x, window, stride, padding, dilation, ceil_mode)
    return total(x.astype(jnp.promote_types(x.dtype, jnp.float32)), place).astype(x.dtype)


def min_pool(
    x: Array,
    window: IntOrTuple,
    *,
    stride: IntOrTuple | None = None,
    padding: Padding = 0,
    dilation: IntOrTuple = 1,
    ceil_mode: bool = False,
) -> Array:
    """Take the minimum of every window, per channel; `max_pool` of the negated input.

    Args:
      x: `(N, *S, C)` with one to three spatial axes, signed.
      window: size of the window, >= 1; an int for all axes or one per axis.
      stride: steps between windows; None means the window.
      padding: as in `max_pool`; padding never wins.
      dilation: steps between the elements of a window, >= 1.
      ceil_mode: whether a last window may hang over the border.

    Returns:
      `(N, *S', C)` in the dtype of `x`.

    Raises:
      ValueError: if a window does not fit, or would hold nothing but padding.
      TypeError: if `x` is not floating point.

    >>> min_pool(jnp.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    Array([[ 0.,  2.],
           [ 8., 10.]], dtype=float32)
    """
    report = Report("min_pool", x)
    place = resolve_pool(report, x, window, stride, padding, dilation, ceil_mode)
    return -maximum(-x, place)


def lp_pool(
    x: Array,
    window: IntOrTuple,
    *,
    p: float = 2.0,
    stride: IntOrTuple | None = None,
    padding: Padding = 0,
    dilation: IntOrTuple = 1,
    ceil_mode: bool = False,
) -> Array:
    r"""Take the p-norm of every window, per channel.

    .. math:: y = \Big(\sum_i |x_i|^p\Big)^{1/p}

    `p = 1` is the sum of magnitudes; as `p` grows the result tends to the largest magnitude.
    PyTorch raises `x` itself to the power, which differs for odd `p` and negative input. The
    gradient of an all-zero window is zero.

    Args:
      x: `(N, *S, C)` with one to three spatial axes, floating point.
      window: size of the window, >= 1; an int for all axes or one per axis.
      p: order of the norm, >= 1 and finite.
      stride: steps between windows; None means the window.
      padding: as in `avg_pool`; padding adds nothing.
      dilation: steps between the elements of a window, >= 1.
      ceil_mode: whether a last window may hang over the border.

    Returns:
      `(N, *S', C)` in the dtype of `x`.

    Raises:
      ValueError: if `p` is out of range or a window does not fit.
      TypeError: if `x` is not floating point.

    >>> lp_pool(jnp.array([3.0, 4.0]).reshape(1, 2, 1), 2).ravel()
    Array([5.], dtype=float32)
    """
    report = Report("lp_pool", x)
    rule, fix = "must be a finite number >= 1", "use max_pool of jnp.abs(x) for infinity"
    report.expect(is_number(p) and 1 <= p < math.inf, "p", p, rule, fix)
    place = resolve_pool(report, x, window, stride, padding, dilation, ceil_mode)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    sums = total(jnp.abs(x.astype(wide)) ** p, place)
    nothing = sums == 0  # there the root has an infinite slope
    return jnp.where(nothing, 0, jnp.where(nothing, 1, sums) ** (1 / p)).astype(x.dtype)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def total(x: Array, place: Window) -> Array:
    """Sum every window, with arguments that are known to be right."""
    return _by_platform(_unrolled, x, place)


@total.defjvp
def _total_jvp(place: Window, primals: tuple[Array], tangents: tuple[Array]):
    (x,), (dx,) = primals, tangents
    return total(x, place), _by_platform(_transposed, dx, place)


def _by_platform(form: Callable[[Array, Window], Array], x: Array, place: Window) -> Array:
    """Sum by this form on CPUs, whose windowed reduction is up to five times as slow."""
    if math.prod(place.window) > UNROLL:
        return _reduce(x, place)
    return lax.platform_dependent(
        x, cpu=lambda x: form(x, place), default=lambda x: _reduce(x, place)
    )


def _unrolled(x: Array, place: Window) -> Array:
    return add_up(taps(x, place))


def _transposed(x: Array, place: Window) -> Array:
    """Sum every window by a program whose transpose is quick."""

    def back(ct: Array) -> Array:
        return spread(lambda _, piece: piece, (ct,), place)

    return transposed(back, _unrolled(x, place), x)


def _reduce(x: Array, place: Window) -> Array:
    return windowed(x, place, lax.add, 0)


def divisor(place: Window, *, include_padding: bool) -> np.ndarray:
    """Return how many elements each window counts, `(1, *S', 1)`, or `()` where all agree."""
    counts = functools.reduce(np.multiply.outer, place.counts(include_padding=include_padding))
    if (counts == counts.flat[0]).all():
        return np.asarray(counts.flat[0])
    return counts[None, ..., None]
