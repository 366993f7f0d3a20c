"""How a convolution is computed and differentiated; its arguments are known to be right."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from jaxcnn.ops.convolve_cpu import Form, Forms, forms
from jaxcnn.ops.native import NUMBERS, native
from jaxcnn.ops.window import Window
from jaxcnn.typing import Array, Shape


def convolve(
    x: Array,
    kernel: Array,
    place: Window,
    groups: int = 1,
    precision: Any = None,
    input_dilation: Shape | None = None,
) -> Array:
    """Convolve `(N, *S, C)` with `(*window, C // groups, K)`."""
    if input_dilation is not None and max(input_dilation) > 1:
        return lax.conv_general_dilated(
            x,
            kernel,
            place.stride,
            place.padding,
            lhs_dilation=input_dilation,
            rhs_dilation=place.dilation,
            dimension_numbers=NUMBERS[x.ndim - 2],
            feature_group_count=groups,
            precision=precision,
        )
    chosen = forms(x.shape, kernel.shape, place, groups)
    if set(chosen) == {native}:
        return native(x, kernel, place, groups, precision)
    return by_platform(x, kernel, chosen, native, place, groups, precision)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4, 5, 6))
def by_platform(
    x: Array, kernel: Array, own: Forms, general: Form, place: Any, groups: int, precision: Any
) -> Array:
    """Convolve by CPUs' own forms there, and by the general one elsewhere.

    Args:
      x: `(N, *S, C)`.
      kernel: `(*window, C // groups, K)`.
      own: bilinear functions of `x` and `kernel`, and of all that follows; all compute the same.
      general: another.
      place: where the windows lie, as the forms take it.
      groups: of channels.
      precision: see `jax.lax.Precision`.
    """
    return _apply(own.value, general, x, kernel, place, groups, precision)


@functools.partial(by_platform.defjvp, symbolic_zeros=True)
def _by_platform_jvp(
    own: Forms, general: Form, place: Any, groups: int, precision: Any, primals: Any, tangents: Any
):
    # Each part has a form of its own, whose transpose is a gradient.
    (x, kernel), (dx, dkernel) = primals, tangents
    options = (place, groups, precision)
    parts = []
    if not isinstance(dx, SymbolicZero):
        parts.append(_apply(own.input, general, dx, kernel, *options))
    if not isinstance(dkernel, SymbolicZero):
        parts.append(_apply(own.kernel, general, x, dkernel, *options))
    y = by_platform(x, kernel, own, general, *options)
    return y, functools.reduce(jnp.add, parts) if parts else jnp.zeros_like(y)


# Traced once for all equal convolutions of a network, which then takes two thirds of the time.
@functools.partial(jax.jit, static_argnums=(0, 1, 4, 5, 6), inline=True)
def _apply(
    form: Form, general: Form, x: Array, kernel: Array, place: Any, groups: int, precision: Any
) -> Array:
    if form is general:
        return form(x, kernel, place, groups, precision)
    return lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: form(x, kernel, place, groups, precision),
        default=lambda x, kernel: general(x, kernel, place, groups, precision),
    )
