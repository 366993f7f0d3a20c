"""What every element gets from the windows that see it: the transpose of `taps`."""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxcnn.ops.window import Window
from jaxcnn.typing import Array, Shape


def spread(part: Callable[..., Array], arrays: tuple[Array, ...], place: Window) -> Array:
    """Return the sum over windows of what they give to each element of an input (N, *S, C).

    JAX's own transpose of strided slices is a sum of pads with gaps, and every gap a branch that
    keeps CPUs from their vectors. Elements that lie at the same phase of the stride are seen by
    the same taps: here their sums are made of slices without gaps, and the phases interleaved. A
    gradient of max pooling is so twice as fast in float32, and ten times in bfloat16.

    Args:
      part: `part(number, *pieces)` is what the tap of this row-major number gives, (N, *M, C),
        of equal pieces of the arrays; zero where all of them are.
      arrays: What is known at each window, (N, *S', C).
      place: Where the windows lie.

    >>> place = Window((4,), (2,), (2,), ((0, 0),), (1,), (2,), (0,))
    >>> spread(lambda number, y: y + number * y, (jnp.ones((1, 2, 1)),), place).ravel()
    Array([1., 2., 1., 2.], dtype=float32)
    """
    lows = tuple(low for low, _ in place.total_padding)
    sizes = zip(lows, place.sizes, place.stride, strict=True)
    counts = tuple(-(-(low + size) // step) for low, size, step in sizes)
    padded, reach = pad(arrays, place, counts)
    sums: dict[Shape, Array] = {}
    for number, tap in enumerate(itertools.product(*map(range, place.window))):
        rows = zip(tap, place.dilation, place.stride, strict=True)
        back, phase = zip(*(divmod(t * gap, step) for t, gap, step in rows), strict=True)
        start = tuple(most - b for most, b in zip(reach, back, strict=True))
        piece = part(number, *(cut(array, start, counts) for array in padded))
        sums[phase] = sums[phase] + piece if phase in sums else piece
    return cut(interleave(sums, place.stride), lows, place.sizes)


def pad(arrays: tuple[Array, ...], place: Window, counts: Shape) -> tuple[list[Array], Shape]:
    """Return the arrays with zeros for windows that are not there, and how many come first."""
    rows = zip(place.window, place.dilation, place.stride, strict=True)
    reach = tuple((k - 1) * gap // step for k, gap, step in rows)
    ends = zip(reach, counts, place.output, strict=True)
    config = ((0, 0, 0), *((r, max(n - out, 0), 0) for r, n, out in ends), (0, 0, 0))
    return [lax.pad(a, jnp.zeros((), a.dtype), config) for a in arrays], reach


def cut(x: Array, start: Shape, counts: Shape) -> Array:
    """Return so many elements of the spatial axes from a start on."""
    stop = (s + n for s, n in zip(start, counts, strict=True))
    return lax.slice(x, (0, *start, 0), (x.shape[0], *stop, x.shape[-1]))


def interleave(phases: dict[Shape, Array], stride: Shape) -> Array:
    """Return the elements of all phases in order; a phase that is not there is zero.

    >>> parts = {(0,): jnp.ones((1, 2, 1)), (1,): jnp.full((1, 2, 1), 2.0)}
    >>> interleave(parts, (3,)).ravel()
    Array([1., 2., 0., 1., 2., 0.], dtype=float32)
    """
    zero = jnp.zeros_like(next(iter(phases.values())))
    for axis in reversed(range(len(stride))):
        phases = {
            before: join([phases.get((*before, p), zero) for p in range(stride[axis])], axis + 1)
            for before in itertools.product(*map(range, stride[:axis]))
        }
        zero = phases[(0,) * axis]
    return phases[()]


def join(parts: list[Array], axis: int) -> Array:
    """Return the arrays' elements by turns along an axis.

    >>> join([jnp.array([1, 3]), jnp.array([2, 4])], 0).tolist()
    [1, 2, 3, 4]
    """
    if len(parts) == 1:
        return parts[0]
    y = jnp.stack(parts, axis + 1)
    return y.reshape(*y.shape[:axis], len(parts) * parts[0].shape[axis], *y.shape[axis + 2 :])


def transposed(function: Callable[[Array], Array], like: Array, x: Array) -> Array:
    """Return the transpose of a linear function of arrays like one; its transpose is the function.

    >>> transposed(lambda y: 3 * y[:1], jnp.zeros(2), jnp.ones(1))
    Array([3., 0.], dtype=float32)
    """
    (y,) = jax.linear_transpose(function, like)(x)
    return y
