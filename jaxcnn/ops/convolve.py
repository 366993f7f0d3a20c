"""How a convolution is computed and differentiated; its arguments are known to be right."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from jaxcnn.ops.convolve_cpu import Form, forms
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
    if set(forms(x.shape, kernel.shape, place, groups)) == {native}:
        return native(x, kernel, place, groups, precision)
    return _convolve(x, kernel, place, groups, precision)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4))
def _convolve(x: Array, kernel: Array, place: Window, groups: int, precision: Any) -> Array:
    form = forms(x.shape, kernel.shape, place, groups).value
    return _apply(form, x, kernel, place, groups, precision)


@functools.partial(_convolve.defjvp, symbolic_zeros=True)
def _convolve_jvp(place: Window, groups: int, precision: Any, primals: Any, tangents: Any):
    # The rule exists so that each platform stores x and kernel, and only its own: the
    # residuals of a plain `platform_dependent` would be those of all platforms.
    (x, kernel), (dx, dkernel) = primals, tangents
    chosen = forms(x.shape, kernel.shape, place, groups)
    options = (place, groups, precision)
    parts = []
    if not isinstance(dx, SymbolicZero):
        parts.append(_apply(chosen.input, dx, kernel, *options))
    if not isinstance(dkernel, SymbolicZero):
        parts.append(_apply(chosen.kernel, x, dkernel, *options))
    y = _convolve(x, kernel, *options)
    return y, functools.reduce(jnp.add, parts) if parts else jnp.zeros_like(y)


# Traced once for all equal convolutions of a network, which then takes two thirds of the time.
@functools.partial(jax.jit, static_argnums=(0, 3, 4, 5), inline=True)
def _apply(
    form: Form, x: Array, kernel: Array, place: Window, groups: int, precision: Any
) -> Array:
    """Compute by this form on CPUs, and natively elsewhere."""
    if form is native:
        return native(x, kernel, place, groups, precision)
    return lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: form(x, kernel, place, groups, precision),
        default=lambda x, kernel: native(x, kernel, place, groups, precision),
    )
