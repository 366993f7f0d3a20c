"""A convolution whose window moves by fractions of an element: the inside of a transposed one."""

import functools
import itertools
import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxcnn.ops.convolve import by_platform, convolve
from jaxcnn.ops.convolve_cpu import Forms, forms
from jaxcnn.ops.native import native
from jaxcnn.ops.window import Pairs, Window, extent
from jaxcnn.typing import Array, Shape


def fractional(
    x: Array,
    kernel: Array,
    stride: Shape,
    margins: Pairs,
    dilation: Shape,
    groups: int = 1,
    precision: Any = None,
) -> Array:
    """Convolve an input with `stride - 1` zeros put between its elements, stepping by one.

    Args:
      x: `(N, *S, C)`.
      kernel: `(*window, C // groups, K)`.
      stride: of the zeros, per axis.
      margins: zeros before and after, per axis; less than none cuts off.
      dilation: steps between the taps of the window, per axis.
      groups: of channels.
      precision: see `jax.lax.Precision`.

    Returns:
      `(N, *S', K)`.
    """
    zeros = Zeros(stride, margins)
    if max(dilation) == 1 < max(stride):
        return by_platform(x, kernel, PHASES, among_zeros, zeros, groups, precision)
    x, place = put(x, zeros, kernel.shape[:-2], dilation)
    return convolve(x, kernel, place, groups, precision)


class Zeros(NamedTuple):
    """Zeros between the elements of an input and around it.

    Attributes:
      stride: from one element to the next, per axis.
      margins: before and after, per axis; less than none cuts off.
    """

    stride: Shape
    margins: Pairs


def put(x: Array, zeros: Zeros, window: Shape, dilation: Shape) -> tuple[Array, Window]:
    """Return an input with zeros put into it, and how a window that steps by one lies there."""
    config = [(lo, hi, s - 1) for s, (lo, hi) in zip(*zeros, strict=True)]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *config, (0, 0, 0)])
    rank, sizes = len(window), x.shape[1:-1]
    output = tuple(n - extent(k, d) + 1 for n, k, d in zip(sizes, window, dilation, strict=True))
    nothing, ones = ((0, 0),) * rank, (1,) * rank
    return x, Window(sizes, window, ones, nothing, dilation, output, (0,) * rank)


def among_zeros(x: Array, kernel: Array, zeros: Zeros, groups: int, precision: Any) -> Array:
    """Convolve natively; other compilers than that for CPUs leave the zeros out themselves."""
    window = kernel.shape[:-2]
    x, place = put(x, zeros, window, (1,) * len(window))
    return native(x, kernel, place, groups, precision)


class Axis(NamedTuple):
    """How the phases of a stride lie along an axis.

    Attributes:
      window: elements that a phase sees.
      padding: elements before and after; less than none are cut off.
      output: places, each with all its phases.
      start: outputs before the first that is wanted.
      size: outputs wanted.
    """

    window: int
    padding: tuple[int, int]
    output: int
    start: int
    size: int


def axis_of(size: int, window: int, stride: int, margins: tuple[int, int]) -> Axis:
    """Say how phases lie along an axis: output `stride * i - phase - low` is at place `i`.

    >>> axis_of(5, 4, 2, (3, 3))
    Axis(window=2, padding=(1, 1), output=6, start=0, size=12)
    """
    low, high = margins
    output = (size - 1) * stride + 2 + low + high - window
    last, seen = -((low - output + 1) // stride), -(-window // stride)
    padding = (low // stride, last + seen - size)
    return Axis(seen, padding, last + 1 + padding[0], stride - 1 - low % stride, output)


def by_phase(
    part: str, x: Array, kernel: Array, zeros: Zeros, groups: int, precision: Any
) -> Array:
    """Convolve without multiplying by zeros, by the form for a part of a convolution.

    Windows at the same phase of the stride see elements through the same taps: every stride-th.
    One convolution computes all phases of a place as channels, which are then sorted into a block:
    on CPUs three times as fast for 4x4 windows at a stride of two, five with its gradients.
    """
    axes = list(map(axis_of, x.shape[1:-1], kernel.shape, *zeros))
    x = cropped(x, [axis.padding for axis in axes])
    padding = tuple((max(lo, 0), max(hi, 0)) for lo, hi in (axis.padding for axis in axes))
    window, output = tuple(axis.window for axis in axes), tuple(axis.output for axis in axes)
    ones = (1,) * len(axes)
    place = Window(x.shape[1:-1], window, ones, padding, ones, output, (0,) * len(axes))
    filters = phases(kernel, zeros.stride, groups)
    form = getattr(forms(x.shape, filters.shape, place, groups), part)
    y = blocks(form(x, filters, place, groups, precision), zeros.stride, groups)
    starts = [axis.start for axis in axes]
    stops = [axis.start + axis.size for axis in axes]
    return lax.slice(y, (0, *starts, 0), (y.shape[0], *stops, y.shape[-1]))


PHASES = Forms(*(functools.partial(by_phase, part) for part in Forms._fields))


def cropped(x: Array, padding: list[tuple[int, int]]) -> Array:
    """Return the input without what negative padding cuts off."""
    config = [(0, 0, 0), *((min(lo, 0), min(hi, 0), 0) for lo, hi in padding), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), config)


def phases(kernel: Array, stride: Shape, groups: int) -> Array:
    """Return the filters of all phases of a stride, side by side in each group.

    >>> phases(jnp.arange(3.0).reshape(3, 1, 1), (2,), 1)[:, 0].tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    *window, channels, features = kernel.shape
    counts, rank = [-(-k // s) for k, s in zip(window, stride, strict=True)], len(stride)
    more = [(0, n * s - k) for n, s, k in zip(counts, stride, window, strict=True)]
    kernel = jnp.pad(kernel, (*more, (0, 0), (0, 0)))
    pairs = itertools.chain(*zip(counts, stride, strict=True))
    kernel = kernel.reshape(*pairs, channels, groups, features // groups)
    kernel = jnp.flip(kernel, range(1, 2 * rank, 2))  # a later output sees an earlier tap
    order = (*range(0, 2 * rank, 2), 2 * rank, 2 * rank + 1, *range(1, 2 * rank, 2), 2 * rank + 2)
    return kernel.transpose(order).reshape(*counts, channels, features * math.prod(stride))


def blocks(y: Array, stride: Shape, groups: int) -> Array:
    """Sort the phases of every place, `(N, *S, groups * phases * C)`, into a block.

    >>> blocks(jnp.arange(4.0).reshape(1, 2, 2), (2,), 1).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    rank, sizes = len(stride), y.shape[1:-1]
    features = y.shape[-1] // math.prod(stride)
    y = y.reshape(*y.shape[:-1], groups, *stride, features // groups)
    pairs = itertools.chain(*((axis, rank + 1 + axis) for axis in range(1, rank + 1)))
    y = y.transpose(0, *pairs, rank + 1, y.ndim - 1)
    return y.reshape(y.shape[0], *(n * s for n, s in zip(sizes, stride, strict=True)), features)
