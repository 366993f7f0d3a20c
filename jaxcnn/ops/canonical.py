"""Convolutions inside compiled loops, written so that XLA's CPU compiler finds its fast ones."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from jaxcnn.ops.equations import run_scan, run_unchanged
from jaxcnn.typing import Array

CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
}
"""Primitives that only call a jaxpr, and the parameter that holds it."""


def canonical(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with every convolution in the layout NHWC, HWIO.

    XLA for CPUs brings convolutions into this layout, the only one that it computes fast, in the
    outermost computation but not in the bodies of `lax.scan` and `lax.while_loop`; there the
    gradient with respect to an image, whose kernel is transposed, takes a naive loop, up to
    forty times as long. Here the transposition is an operation of its own. On other platforms
    it is folded back.

    What is returned is for running, not for differentiating: custom derivatives are dropped, so
    wrap the outermost function, gradients and all.

    Args:
      function: A pure function of arrays that returns a pytree of arrays.

    Returns:
      A function of the same arguments with the same values.

    >>> import jax.numpy as jnp
    >>> step = canonical(jax.grad(lambda x: jnp.sum(x**2)))
    >>> lax.fori_loop(0, 3, lambda i, x: x - 0.25 * step(x), jnp.ones(2))
    Array([0.125, 0.125], dtype=float32)
    """

    def changed(*args: Any) -> Any:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        values = _run(closed.jaxpr, closed.consts, jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shape), values)

    return changed


def _run(jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))
    for eqn in jaxpr.eqns:
        inputs = [a.val if isinstance(a, Literal) else values[a] for a in eqn.invars]
        values.update(zip(eqn.outvars, _equation(jaxpr, eqn, inputs), strict=True))
    return [a.val if isinstance(a, Literal) else values[a] for a in jaxpr.outvars]


def _equation(jaxpr: Jaxpr, eqn: Any, inputs: list[Any]) -> list[Any]:
    kind, params = eqn.primitive.name, eqn.params
    if kind == "conv_general_dilated":
        return [_convolution(inputs[0], inputs[1], params)]
    if kind in CALLS:
        inner: Any = params[CALLS[kind]]
        closed = isinstance(inner, ClosedJaxpr)
        return _run(inner.jaxpr, inner.consts, inputs) if closed else _run(inner, (), inputs)
    if kind == "scan":
        return run_scan(_function(params["jaxpr"]), params, inputs)
    if kind == "while":
        return _while(params, inputs)
    if kind == "cond":
        return list(lax.switch(inputs[0], [*map(_function, params["branches"])], *inputs[1:]))
    return run_unchanged(jaxpr, eqn, inputs)


def _function(closed: Any) -> Callable[..., list[Any]]:
    return lambda *args: _run(closed.jaxpr, closed.consts, args)


def _while(params: Any, inputs: list[Any]) -> list[Any]:
    first, last = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    going, body = _function(params["cond_jaxpr"]), _function(params["body_jaxpr"])
    return lax.while_loop(
        lambda carry: going(*inputs[:first], *carry)[0],
        lambda carry: body(*inputs[first:last], *carry),
        inputs[last:],
    )


def _convolution(x: Array, kernel: Array, params: dict[str, Any]) -> Array:
    """Convolve after transposing to NHWC and HWIO, and transpose back."""
    rank = x.ndim - 2
    images, kernels, outputs = params["dimension_numbers"]
    x = lax.transpose(x, (images[0], *images[2:], images[1]))
    kernel = lax.transpose(kernel, (*kernels[2:], kernels[1], kernels[0]))
    spatial = tuple(range(1, rank + 1))
    usual = lax.ConvDimensionNumbers(
        (0, rank + 1, *spatial), (rank + 1, rank, *range(rank)), (0, rank + 1, *spatial)
    )
    y = lax.conv_general_dilated_p.bind(x, kernel, **{**params, "dimension_numbers": usual})
    places = (outputs[0], *outputs[2:], outputs[1])
    return lax.transpose(y, [places.index(axis) for axis in range(rank + 2)])
