"""A window taken apart: for each of its taps, the elements that it sees at every position."""

import functools
import itertools
from collections.abc import Callable, Iterator

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcnn.ops.window import Window
from jaxcnn.typing import Array


def taps(x: Array, place: Window, fill: float = 0) -> Iterator[Array]:
    """Yield `(N, *S', C)` for each tap, in row-major order, of an input `(N, *S, C)`.

    These are strided slices, whose transpose is a pad: XLA fuses all of them into one loop.

    >>> place = Window((4,), (2,), (2,), ((0, 0),), (1,), (2,), (0,))
    >>> [tap.ravel().tolist() for tap in taps(jnp.arange(4).reshape(1, 4, 1), place)]
    [[0, 2], [1, 3]]
    """
    config = ((0, 0, 0), *((lo, hi, 0) for lo, hi in place.total_padding), (0, 0, 0))
    x = lax.pad(x, jnp.asarray(fill, x.dtype), config)
    steps = (range(0, k * d, d) for k, d in zip(place.window, place.dilation, strict=True))
    for start in itertools.product(*steps):
        rows = zip(start, place.output, place.stride, strict=True)
        stop = [first + (out - 1) * step + 1 for first, out, step in rows]
        stride = (1, *place.stride, 1)
        yield lax.slice(x, (0, *start, 0), (x.shape[0], *stop, x.shape[-1]), stride)


def tap_kernels(kernel: Array) -> list[Array]:
    """Return the kernel's `(in, out)` matrix for each tap, in row-major order.

    >>> [k.shape for k in tap_kernels(jnp.zeros((1, 2, 3, 4)))]
    [(3, 4), (3, 4)]
    """
    flat = kernel.reshape(-1, *kernel.shape[-2:])
    # Split rather than indexed: the transpose of a split is one concatenation.
    return [lax.squeeze(k, (0,)) for k in lax.split(flat, (1,) * flat.shape[0])]


def add_up(parts: Iterator[Array]) -> Array:
    """Return the sum of the parts.

    >>> add_up(iter([jnp.float32(1), jnp.float32(2)]))
    Array(3., dtype=float32)
    """
    return functools.reduce(jnp.add, parts)


def windowed(x: Array, place: Window, operation: Callable, neutral: float) -> Array:
    """Reduce every window by XLA's own loop, which does not grow with the number of taps.

    >>> place = Window((4,), (2,), (2,), ((0, 0),), (1,), (2,), (0,))
    >>> windowed(jnp.arange(4.0).reshape(1, 4, 1), place, lax.add, 0).ravel().tolist()
    [1.0, 5.0]
    """
    return lax.reduce_window(
        x,
        np.asarray(neutral, x.dtype),  # traced, it would hide that this is a sum or a maximum
        operation,
        (1, *place.window, 1),
        (1, *place.stride, 1),
        ((0, 0), *place.total_padding, (0, 0)),
        window_dilation=(1, *place.dilation, 1),
    )
