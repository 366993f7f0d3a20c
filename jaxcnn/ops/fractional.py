"""A convolution whose window moves by fractions of an element: the inside of a transposed one."""

import functools
import itertools
import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxcnn.ops.convolve import by_platform, convolve
from jaxcnn.ops.convolve_cpu import MOST_TAPS, Forms, forms
from jaxcnn.ops.native import native
from jaxcnn.ops.window import Pairs, Window, unit_steps
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
    zeros, window = Zeros(stride, margins), kernel.shape[:-2]
    if max(dilation) > 1 or max(stride) == 1:
        x, place = put(x, zeros, window, dilation)
        return convolve(x, kernel, place, groups, precision)
    own = forms_for_cpus(x.shape[-1], window, groups)
    return by_platform(x, kernel, own, among_zeros, zeros, groups, precision)


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
    return x, unit_steps(x.shape[1:-1], window, ((0, 0),) * len(window), dilation)


def among_zeros(
    x: Array, kernel: Array, zeros: Zeros, groups: int, precision: Any, part: str | None = None
) -> Array:
    """Convolve natively, or by CPUs' form for a part of a convolution.

    XLA's simplifier folds a pad between elements into the native convolution.
    """
    window = kernel.shape[:-2]
    x, place = put(x, zeros, window, (1,) * len(window))
    form = getattr(forms(x.shape, kernel.shape, place, groups), part) if part else native
    return form(x, kernel, place, groups, precision)


class Axis(NamedTuple):
    """How the phases of a stride lie along an axis.

    Attributes:
      window: elements that a phase sees.
      padding: elements before and after; less than none are cut off.
      start: outputs before the first that is wanted.
      size: outputs wanted.
    """

    window: int
    padding: tuple[int, int]
    start: int
    size: int


def axis_of(size: int, window: int, stride: int, margins: tuple[int, int]) -> Axis:
    """Say how phases lie along an axis: output `stride * i - phase - low` is at place `i`.

    >>> axis_of(5, 4, 2, (3, 3))
    Axis(window=2, padding=(1, 1), start=0, size=12)
    """
    low, high = margins
    outputs = (size - 1) * stride + 2 + low + high - window
    last, seen = -((low - outputs + 1) // stride), -(-window // stride)
    padding = (low // stride, last + seen - size)
    return Axis(seen, padding, stride - 1 - low % stride, outputs)


def by_phase(
    part: str, x: Array, kernel: Array, zeros: Zeros, groups: int, precision: Any
) -> Array:
    """Convolve without multiplying by zeros, by the form for a part of a convolution.

    Windows at the same phase of the stride see elements through the same taps: every stride-th.
    One convolution computes all phases of a place as channels, which are then sorted into a block:
    on CPUs twice as fast for 4x4 windows at a stride of two, nearly three times with gradients.
    """
    axes = list(map(axis_of, x.shape[1:-1], kernel.shape, *zeros))
    x = cropped(x, [axis.padding for axis in axes])
    padding = tuple((max(lo, 0), max(hi, 0)) for lo, hi in (axis.padding for axis in axes))
    window = tuple(axis.window for axis in axes)
    place = unit_steps(x.shape[1:-1], window, padding, (1,) * len(axes))
    filters = phases(kernel, zeros.stride, groups)
    form = getattr(forms(x.shape, filters.shape, place, groups), part)
    y = blocks(form(x, filters, place, groups, precision), zeros.stride, groups)
    starts = [axis.start for axis in axes]
    stops = [axis.start + axis.size for axis in axes]
    return lax.slice(y, (0, *starts, 0), (y.shape[0], *stops, y.shape[-1]))


PHASES = Forms(*(functools.partial(by_phase, part) for part in Forms._fields))
AMONG_ZEROS = Forms(*(functools.partial(among_zeros, part=part) for part in Forms._fields))


def forms_for_cpus(channels: int, window: Shape, groups: int) -> Forms:
    """Choose between phases and zeros: as channels, phases leave the gradients of groups slow.

    Measured for a stride of two: phases take 1.5 to 30 times as long for gradients of depthwise
    layers, up to five times for kernel gradients of other groups, and for the rest mostly half as
    long or less.

    >>> depthwise = forms_for_cpus(8, (3, 3), 8)
    >>> depthwise == Forms(PHASES.value, AMONG_ZEROS.input, AMONG_ZEROS.kernel)
    True
    >>> forms_for_cpus(8, (3, 3), 2) == Forms(PHASES.value, PHASES.input, AMONG_ZEROS.kernel)
    True
    """
    if groups == 1 or math.prod(window) > MOST_TAPS:
        return PHASES
    if groups < channels:
        return PHASES._replace(kernel=AMONG_ZEROS.kernel)
    return AMONG_ZEROS._replace(value=PHASES.value)


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
