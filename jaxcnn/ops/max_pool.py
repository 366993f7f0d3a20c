"""Max pooling whose gradient needs no scatter."""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from jaxcnn.checks import Report
from jaxcnn.ops.pool_checks import resolve_pool
from jaxcnn.ops.spread import spread, transposed
from jaxcnn.ops.taps import taps, windowed
from jaxcnn.ops.window import Window
from jaxcnn.typing import Array, IntOrTuple, Padding, Shape

UNROLL = 256  # more taps would compile slowly: such windows are pooled axis by axis


def max_pool(
    x: Array,
    window: IntOrTuple,
    *,
    stride: IntOrTuple | None = None,
    padding: Padding = 0,
    dilation: IntOrTuple = 1,
    ceil_mode: bool = False,
) -> Array:
    """Take the maximum of every window, per channel.

    The gradient goes to the first maximum of a window in row-major order, as in XLA and
    PyTorch. It is computed as masked shifted copies instead of XLA's scatter, which is slow on
    CPUs and nondeterministic on GPUs, and it can be differentiated again, in both modes.

    Args:
      x: `(N, *S, C)` with one to three spatial axes.
      window: size of the window, >= 1; an int for all axes or one per axis.
      stride: steps between windows; None means the window.
      padding: `"VALID"`, `"SAME"`, an int, or per axis an int or a `(low, high)` pair; padding
        never wins.
      dilation: steps between the elements of a window, >= 1.
      ceil_mode: whether a last window may hang over the border, by PyTorch's rule.

    Returns:
      `(N, *S', C)` in the dtype of `x`.

    Raises:
      ValueError: if a window does not fit, or would hold nothing but padding.

    >>> x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    >>> max_pool(x, 2)[0, :, :, 0]
    Array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    report = Report("max_pool", x)
    place = resolve_pool(report, x, window, stride, padding, dilation, ceil_mode, floating=False)
    if math.prod(place.window) <= UNROLL:
        return maximum(x, place)
    # The last axis first: then the first maximum of all is that of the first row that has it.
    for axis in reversed(range(len(place.window))):
        x = maximum(x, along(place, axis, x.shape[1:-1]))
    return x


def along(place: Window, axis: int, sizes: Shape) -> Window:
    """Return the part of a window that lies along one axis, for an input of these sizes."""

    def only(values: tuple, other: tuple) -> tuple:
        return tuple(
            v if i == axis else o for i, (v, o) in enumerate(zip(values, other, strict=True))
        )

    rank = len(sizes)
    ones, nothing = (1,) * rank, ((0, 0),) * rank
    window, stride, dilation = (
        only(values, ones) for values in (place.window, place.stride, place.dilation)
    )
    padding, output = only(place.padding, nothing), only(place.output, sizes)
    overhang = only(place.overhang, (0,) * rank)
    return Window(sizes, window, stride, padding, dilation, output, overhang)


def lowest(dtype: jnp.dtype) -> float | int:
    """Return the neutral element of the maximum."""
    if jnp.issubdtype(dtype, jnp.inexact):
        return -math.inf
    return jnp.iinfo(dtype).min


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def maximum(x: Array, place: Window) -> Array:
    """Pool with arguments that are known to be right."""
    if math.prod(place.window) > UNROLL:
        return _reduce(x, place)
    # On CPUs the unrolled maximum is five times as fast as XLA's windowed reduction.
    return lax.platform_dependent(
        x, cpu=lambda x: _unrolled(x, place), default=lambda x: _reduce(x, place)
    )


@maximum.defjvp
def _maximum_jvp(place: Window, primals: tuple[Array], tangents: tuple[Array]):
    (x,), (dx,) = primals, tangents
    if math.prod(place.window) > UNROLL:
        return jax.jvp(lambda x: _reduce(x, place), primals, tangents)
    y = maximum(x, place)
    # At least 32 bits: gradients of windows that overlap are added up, and CPUs are slow with 16.
    wide = jnp.promote_types(dx.dtype, jnp.float32)
    first = first_maximum(x.astype(wide), place)

    def back(ct: Array) -> Array:
        return spread(lambda n, f, g: jnp.where(f == n, g, 0), (first, ct), place)

    return y, transposed(back, y.astype(wide), dx.astype(wide)).astype(x.dtype)


def first_maximum(x: Array, place: Window) -> Array:
    """Return the row-major number of the first tap of each window that holds its maximum.

    The taps are compared with one another, never with the pooled value: a compiler may compute
    `x` twice and round differently, and then no tap would equal the maximum.
    """
    count = math.prod(place.window)
    best, *others = taps(x, place, lowest(x.dtype))
    number = jnp.zeros_like(best, dtype=jnp.int8 if count <= 128 else jnp.int32)
    for index, tap in enumerate(others, 1):
        # The first NaN is the maximum of its window, so that it also takes the gradient.
        wins = (tap > best) | ((tap != tap) & (best == best))
        number = jnp.where(wins, jnp.asarray(index, number.dtype), number)
        best = jnp.maximum(best, tap)
    return number


def _unrolled(x: Array, place: Window) -> Array:
    return functools.reduce(jnp.maximum, taps(x, place, lowest(x.dtype)))


def _reduce(x: Array, place: Window) -> Array:
    return windowed(x, place, lax.max, lowest(x.dtype))
