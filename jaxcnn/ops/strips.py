"""A convolution in strips that stay in the caches of a CPU."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxcnn.ops.taps import add_up, tap_kernels, taps
from jaxcnn.ops.window import Window, extent, unit_steps
from jaxcnn.typing import Array, Shape

STRIP = 1 << 19
"""Bytes of input in a strip; half and twice as many differ little in speed."""
NARROW, WIDE = 256, 512
"""Products are slow with few channels: those of a row of taps are put together below the larger
number, of all taps where that makes less than the smaller one."""


def strips(x: Array, kernel: Array, place: Window, groups: int, precision: Any) -> Array:
    """Convolve as a matrix product for each tap, strip by strip.

    Taps are shifted copies of the input. Of a whole batch they go through the memory, of a strip
    they do not.
    """
    # The gradient of the kernel is summed over the strips, in at least 32 bits and in place.
    wide, first = jnp.promote_types(x.dtype, jnp.float32), folded_axes(x.shape[-1], place.window)
    matrices = [m.T for m in tap_kernels(fold_kernel(kernel, first).astype(wide))]
    pieces, there = cut(x, place, *size_of_strips(x, place, kernel.size * wide.itemsize))

    # Nothing but the strip is kept for the backward pass: its taps are cut out again.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def convolved(matrices: list[Array], parts: tuple[Array, ...]) -> Array:
        piece = jnp.concatenate(parts, 1)
        pairs = zip(taps(*fold(piece, there, first)), matrices, strict=True)
        each = (rows_times_rows(tap, matrix.astype(x.dtype), precision) for tap, matrix in pairs)
        return add_up(each).astype(x.dtype)

    _, y = lax.scan(lambda same, parts: (same, convolved(same, parts)), matrices, pieces)
    y = y.reshape(x.shape[0], -1, *y.shape[3:])
    return lax.slice_in_dim(y, 0, place.output[0], axis=1)


def size_of_strips(x: Array, place: Window, least: int = 0) -> tuple[int, int]:
    """Return the images and the rows of output of a strip: whole images, or rows of one.

    It holds about `STRIP` bytes of input, or `least`, if that is more.

    >>> place = Window((6,), (3,), (1,), ((1, 1),), (1,), (6,), (0,))
    >>> size_of_strips(jnp.zeros((4, 6, 1 << 14)), place)
    (1, 6)
    >>> size_of_strips(jnp.zeros((4, 6, 1 << 15)), place)
    (1, 3)
    """
    total, stride = place.output[0], place.stride[0]
    row = stride * math.prod(x.shape[2:]) * x.dtype.itemsize
    # What windows share with the next strip must lie in that one.
    shared = -(-(extent(place.window[0], place.dilation[0]) - 1) // stride)
    most = max(STRIP, least) // row
    rows = evenly(total, max(most, shared, 1))
    return (divisor(x.shape[0], most // rows) if rows == total else 1), rows


def cut(x: Array, place: Window, images: int, rows: int) -> tuple[tuple[Array, ...], Window]:
    """Return strips of `(N, *S, C)`, as parts to be joined, and how the window lies in them.

    >>> place = Window((6,), (3,), (1,), ((1, 1),), (1,), (6,), (0,))
    >>> parts, there = cut(jnp.arange(6.0).reshape(1, 6, 1), place, 1, 3)
    >>> [part.ravel().tolist() for part in parts]
    [[0.0, 2.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [3.0, 0.0]]
    """
    if rows == place.output[0]:
        return (x.reshape(-1, images, *x.shape[1:]),), place
    step, (before, _) = rows * place.stride[0], place.padding[0]
    span = (rows - 1) * place.stride[0] + extent(place.window[0], place.dilation[0])
    after = max(0, span - step - before)
    total = -(-place.output[0] // rows) * step

    def part(shift: int, size: int) -> Array:
        """Return, of each strip, this many rows, from `shift` after its first one."""
        ends = (-shift, total + shift - x.shape[1], 0)
        config = [ends if axis == 1 else (0, 0, 0) for axis in range(x.ndim)]
        moved = lax.pad(x, jnp.zeros((), x.dtype), config)
        return moved.reshape(-1, 1, step, *x.shape[2:])[:, :, :size]

    there = place._replace(
        sizes=(before + step + after, *place.sizes[1:]),
        padding=((0, 0), *place.padding[1:]),
        output=(rows, *place.output[1:]),
        overhang=(0, *place.overhang[1:]),
    )
    parts = [(-before, before), (0, step), (step, after)]
    return tuple(part(shift, size) for shift, size in parts if size), there


def evenly(total: int, most: int) -> int:
    """Return the size of parts, no larger than `most`, into which rows are cut without much left.

    >>> evenly(56, 30), evenly(149, 30), evenly(7, 9)
    (28, 30, 7)
    """
    exact = divisor(total, most)
    return exact if 2 * exact >= min(most, total) else -(-total // -(-total // most))


def divisor(number: int, most: int) -> int:
    """Return the largest divisor of a number that is no larger than another.

    >>> divisor(28, 10), divisor(7, 0)
    (7, 1)
    """
    return next(n for n in range(max(1, min(number, most)), 0, -1) if number % n == 0)


def folded_axes(channels: int, window: Shape) -> int:
    """Return from which axis on taps become channels, so that products are wide enough.

    >>> folded_axes(3, (7, 7)), folded_axes(64, (3, 3)), folded_axes(512, (3, 3))
    (0, 1, 2)
    """
    if channels * math.prod(window) < NARROW:
        return 0
    return len(window) - (channels < WIDE)


def fold(x: Array, place: Window, first: int) -> tuple[Array, Window]:
    """Put what the taps of the axes from `first` on see side by side, as channels.

    >>> place = Window((2, 4), (1, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), (2, 2), (0, 0))
    >>> seen, there = fold(jnp.zeros((1, 2, 4, 5)), place, 1)
    >>> seen.shape, there.window
    ((1, 2, 2, 15), (1, 1))
    """
    gone = joined(unmoved(place.sizes), place, first)
    left = joined(place, unmoved(place.output), first)
    return jnp.concatenate(list(taps(x, gone)), -1), left


def joined(before: Window, after: Window, first: int) -> Window:
    """Return a window that is the one on the axes before `first`, and the other from there on."""
    values: Any = [a[:first] + b[first:] for a, b in zip(before, after, strict=True)]
    return Window(*values)


def unmoved(sizes: Shape) -> Window:
    """Return the window that sees one element at each place."""
    ones = (1,) * len(sizes)
    return unit_steps(sizes, ones, ((0, 0),) * len(sizes), ones)


def fold_kernel(kernel: Array, first: int) -> Array:
    """Put the taps of the axes from `first` on into the channels.

    >>> fold_kernel(jnp.zeros((3, 2, 5, 7)), 1).shape
    (3, 1, 10, 7)
    """
    window, outer = kernel.shape[:-2], kernel.shape[-1]
    return kernel.reshape(*window[:first], *(1 for _ in window[first:]), -1, outer)


def rows_times_rows(x: Array, matrix: Array, precision: Any) -> Array:
    """Multiply `(..., C)` by the transpose of `(K, C)`, in at least 32 bits."""
    # In this order of axes the gradient of the matrix is one product, not transposed afterwards.
    axes = (((x.ndim - 1,), (1,)), ((), ()))
    wide = jnp.promote_types(x.dtype, jnp.float32)
    return lax.dot_general(x, matrix, axes, precision=precision, preferred_element_type=wide)
