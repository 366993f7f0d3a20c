"""Forms of the convolution that XLA compiles better for CPUs than its own.

Each is a bilinear function of input and kernel made of native operations, so that JAX
differentiates and transposes it. Measured on two cores against `lax.conv_general_dilated`
(forward / gradient of the input / of the kernel; `python -m benchmarks ops`): pointwise 1.1-2.2 /
1.0-2.6 / 2.9-14 times as fast, depthwise 19-43 / 50-170 / 17-35, other groups 4 / 5 / 130; kernel
gradients in strips 1.5-4.3, but 0.5 with 16 channels and few images. Products for all taps gain for
kernel gradients of first layers (1.8-5.6), gradients of the input of wide layers on small maps
(1.4), and windows larger than the map (23-30); they lose in nearly all other cases.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.export import is_symbolic_dim

from jaxcnn.ops.eigen import one_row_less, one_row_more, pays
from jaxcnn.ops.native import native
from jaxcnn.ops.spread import spread, transposed
from jaxcnn.ops.strips import strips
from jaxcnn.ops.taps import add_up, tap_kernels, taps
from jaxcnn.ops.window import Window
from jaxcnn.typing import Array, Shape

Form = Callable[[Array, Array, Any, int, Any], Array]
"""A bilinear function of input and kernel; where the windows lie, the groups and the precision."""

MOST_TAPS = 64  # unrolled windows with more would compile slowly
SMALL_MAP = 256  # positions, up to which taps as dots are worth it in wide layers
MOST_PARTS = 8  # likewise with more convolutions for the groups of one


def pointwise(x: Array, kernel: Array, place: Window, groups: int, precision: Any) -> Array:
    """Convolve with a window of one element: a matrix product."""
    (seen,) = taps(x, place)
    return product(seen, kernel.reshape(kernel.shape[-2:]), precision)


def depthwise(x: Array, kernel: Array, place: Window, groups: int, precision: Any) -> Array:
    """Convolve every channel apart: shifted multiply-adds."""
    times = kernel.shape[-1] // groups
    wide = jnp.promote_types(x.dtype, jnp.float32)

    def part(seen: Array, weight: Array) -> Array:
        if times > 1:  # every channel gives `times` neighbouring ones
            seen = jnp.repeat(seen, times, axis=-1)
        return seen.astype(wide) * weight

    pairs = zip(taps(x, place), weights(kernel, wide), strict=True)
    return add_up(part(seen, weight) for seen, weight in pairs).astype(x.dtype)


def weights(kernel: Array, dtype: Any) -> list[Array]:
    """Return what a depthwise kernel multiplies each tap by, `(1, ..., 1, C)` for `(N, *S, C)`."""
    shape = (1,) * (kernel.ndim - 1) + kernel.shape[-1:]
    return [weight.reshape(shape).astype(dtype) for weight in tap_kernels(kernel)]


def depthwise_change(x: Array, kernel: Array, place: Window, groups: int, precision: Any) -> Array:
    """Convolve every channel apart by a program whose transpose is quick."""
    wide = jnp.promote_types(x.dtype, jnp.float32)
    y = depthwise(x, kernel, place, groups, precision)
    if kernel.shape[-1] > groups or (x.dtype == wide and max(place.stride) == 1):
        return y  # its transpose is as quick, or nearly so
    each = weights(kernel, wide)

    def back(ct: Array) -> Array:
        return spread(lambda number, piece: piece * each[number], (ct,), place)

    return transposed(back, y.astype(wide), x.astype(wide)).astype(x.dtype)


def depthwise_by_image(
    x: Array, kernel: Array, place: Window, groups: int, precision: Any
) -> Array:
    """Convolve every channel apart by a program whose gradient of the kernel is quick.

    It adds up maps over the images, and only their sum over positions: XLA's reductions over
    positions take three times as long as sums of maps.
    """
    if kernel.shape[-1] > groups or is_symbolic_dim(x.shape[0]):
        return depthwise(x, kernel, place, groups, precision)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    shape = (*place.output, x.shape[-1])
    maps = [jnp.broadcast_to(weight[0], shape) for weight in weights(kernel, wide)]

    # Nothing but the image is kept for the backward pass: its taps are cut out again.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def convolved(maps: list[Array], image: Array) -> Array:
        pairs = zip(taps(image[None], place), maps, strict=True)
        return add_up(tap[0].astype(wide) * each for tap, each in pairs).astype(x.dtype)

    _, y = lax.scan(lambda same, image: (same, convolved(same, image)), maps, x)
    return y


def grouped(x: Array, kernel: Array, place: Window, groups: int, precision: Any) -> Array:
    """Convolve groups apart; many of them are merged, with zeros between, into a few."""
    parts = max(n for n in range(1, MOST_PARTS + 1) if groups % n == 0)
    xs = jnp.split(x, parts, axis=-1)
    kernels = [merge(k, groups // parts) for k in jnp.split(kernel, parts, axis=-1)]
    ys = [native(u, k, place, 1, precision) for u, k in zip(xs, kernels, strict=True)]
    return jnp.concatenate(ys, axis=-1)


def dots(x: Array, kernel: Array, place: Window, groups: int, precision: Any) -> Array:
    """Convolve as a matrix product for each tap."""

    # Nothing but the input is kept for the backward pass: its taps are cut out again.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def convolved(x: Array, kernel: Array) -> Array:
        pairs = zip(taps(x, place), tap_kernels(kernel), strict=True)
        return add_up(product(seen, weight, precision) for seen, weight in pairs)

    return convolved(x, kernel)


class Forms(NamedTuple):
    """How a convolution is computed, and how its changes with input and kernel are.

    The gradients are the transposes of the changes.
    """

    value: Form
    input: Form
    kernel: Form


def forms(x: Shape, kernel: Shape, place: Window, groups: int) -> Forms:
    """Choose the forms of a convolution; `python -m benchmarks ops` measures the choices."""
    count, narrow = math.prod(place.window), min(kernel[-2:])
    if 0 in x:
        return Forms(native, native, native)
    if groups == 1 and count == 1:
        return Forms(pointwise, pointwise, pointwise)
    if groups == x[-1] > 1 and count <= MOST_TAPS:
        return Forms(depthwise, depthwise_change, depthwise_by_image)
    if groups > 1:
        return Forms(grouped, grouped, grouped)
    if count > MOST_TAPS:
        return Forms(native, native, native)
    # A map smaller than the window goes through XLA's loop without vectors: 3x3 on 2x2, 512 wide,
    # takes a hundred times as long as the products.
    smaller = any(size < window for size, window in zip(x[1:-1], place.window, strict=True))
    if smaller and narrow >= 64:
        return Forms(dots, dots, strips)
    # XLA turns the kernel round for the gradient of the input, and spreads the cotangent out
    # where there is a stride: of wide layers on small maps that is most of the work.
    wide = narrow >= (256 if max(place.stride) > 1 else 512)
    wide &= math.prod(place.output) <= SMALL_MAP and count <= MOST_TAPS // 2
    # The products of a first layer have few columns: cutting them into strips gains nothing, but
    # for large windows, and where there are few rows as well.
    thin = kernel[-2] <= 8 < kernel[-1] and count <= 25
    value = one_row_more if pays(x, kernel, place, kernel[-1]) else native
    change = one_row_less if pays(x, kernel, place, kernel[-2]) else native
    return Forms(value, dots if wide else change, dots if thin else strips)


def product(x: Array, matrix: Array, precision: Any) -> Array:
    """Multiply `(..., C)` by `(C, K)`, accumulating in at least 32 bits."""
    # Products of bfloat16 with a bfloat16 result miss the matrix units of CPUs.
    wide = jnp.promote_types(x.dtype, jnp.float32)
    flat = x.reshape(-1, x.shape[-1])
    y = lax.dot(flat, matrix, precision=precision, preferred_element_type=wide)
    return y.astype(x.dtype).reshape(*x.shape[:-1], -1)


def merge(kernel: Array, groups: int) -> Array:
    """Return the kernel of one group that does what `groups` of them do apart."""
    if groups == 1:
        return kernel
    *window, inner, outer = kernel.shape
    blocks = kernel.reshape(*window, 1, inner, groups, outer // groups)
    own = jnp.eye(groups, dtype=kernel.dtype).reshape(groups, 1, groups, 1)
    blocks = blocks * own.reshape((1,) * len(window) + own.shape)
    return blocks.reshape(*window, groups * inner, outer)
