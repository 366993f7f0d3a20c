"""ReLUs that pass gradients back by another rule, in any function: its jaxpr is re-evaluated.

A ReLU is a function that no interceptor of modules sees, but JAX's intermediate representation
does. What backward rules change is no derivative: they are not linear in the gradient, which a
`custom_jvp` cannot say, so forward mode is lost here, and only here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, Literal

from jaxcnn.checks import Report
from jaxcnn.ops.equations import run_scan, run_unchanged
from jaxcnn.typing import Array

Relu = Callable[[Array], Array]

SMOOTH = ("erf", "erfc", "logistic", "tanh")
"""Primitives of which other activations are made."""

COPIES = ("convert_element_type", "broadcast_in_dim", "reshape")
"""Operations that keep a zero a zero."""


@jax.custom_vjp
def guided_relu(x: Array) -> Array:
    """Return max(x, 0), whose gradient passes back where it and x are positive.

    Args:
      x: Any array.

    Returns:
      The same values as `nn.relu`, in the shape of x.

    Source: Springenberg et al. 2014, "Striving for simplicity", figure 1.

    Example:
      >>> x, above = jnp.array([-1.0, 2.0, 3.0]), jnp.array([5.0, -5.0, 5.0])
      >>> jax.vjp(guided_relu, x)[1](above)[0]
      Array([0., 0., 5.], dtype=float32)
    """
    return jnp.maximum(x, 0)


@jax.custom_vjp
def deconvnet_relu(x: Array) -> Array:
    """Return max(x, 0), whose gradient passes back where it is positive, whatever x is.

    Args:
      x: Any array.

    Returns:
      The same values as `nn.relu`, in the shape of x.

    Source: Zeiler & Fergus 2013, "Visualizing and understanding convolutional networks", 2.1.

    Example:
      >>> x, above = jnp.array([-1.0, 2.0, 3.0]), jnp.array([5.0, -5.0, 5.0])
      >>> jax.vjp(deconvnet_relu, x)[1](above)[0]
      Array([5., 0., 5.], dtype=float32)
    """
    return jnp.maximum(x, 0)


guided_relu.defvjp(lambda x: (jnp.maximum(x, 0), x > 0), lambda on, g: (on * jnp.maximum(g, 0),))
deconvnet_relu.defvjp(lambda x: (jnp.maximum(x, 0), None), lambda _, g: (jnp.maximum(g, 0),))


def replace_relu(
    function: Callable[..., Any], relu: Relu, caller: str = "replace_relu"
) -> Callable[..., Any]:
    """Return the function with every ReLU in it replaced, also under `jit`, `remat` and `scan`.

    A ReLU is `jax.nn.relu`, `nn.relu`, or max(x, 0) in any spelling; the clamp of a variance,
    max(E[x²] - E[x]², 0), is none. ReLU6 and other clipped ReLUs, min(max(x, 0), c), are a ReLU,
    which is replaced, and a bound, which stays: what is clipped passes no gradient. But
    relu6(x + 3), the gate in hard sigmoid and hard swish, is no ReLU, nor are SiLU, GELU and the
    like. The values stay the same where `relu` has those of a ReLU.

    Args:
      function: A pure function of arrays that returns a pytree of arrays.
      relu: What replaces a ReLU, e.g. `guided_relu`.
      caller: Name of the function that asks, which opens the message of an error.

    Returns:
      A function of the same arguments.

    Raises:
      ValueError: When it is called and no ReLU is found.

    Example:
      >>> changed = replace_relu(lambda x: jnp.sum(jax.nn.relu(x)), lambda x: 2 * x)
      >>> changed(jnp.array([-1.0, 3.0]))
      Array(4., dtype=float32)
    """

    def changed(*args: Any) -> Any:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        interpreter = Interpreter(relu)
        leaves = jax.tree.leaves(args)
        values = interpreter.run(closed.jaxpr, closed.consts, leaves, [False] * len(leaves))
        report = Report(caller)
        others = ", ".join(sorted(interpreter.others))
        rule = f"finds no ReLU{others and f', but {others}, for which there is no rule'}"
        fix = "use saliency, smooth_grad or integrated_gradients, which need none"
        report.expect(interpreter.found > 0, "relu", _name(relu), rule, fix)
        report.done()
        return jax.tree.unflatten(jax.tree.structure(shape), values)

    return changed


@dataclass
class Interpreter:
    """Evaluates jaxprs with another ReLU, and counts those that it met."""

    relu: Relu
    found: int = 0
    others: set[str] = field(default_factory=set)
    """Primitives of other activations."""

    def run(
        self, jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any], zero: Sequence[bool]
    ) -> list[Any]:
        """Return the outputs; `zero` tells which arguments are known to be zeros."""
        values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))
        zeros = {var for var, known in zip(jaxpr.invars, zero, strict=True) if known}
        makers: dict[Any, Any] = {}

        def known(atom: Any) -> bool:
            return not np.any(atom.val) if isinstance(atom, Literal) else atom in zeros

        for eqn in jaxpr.eqns:
            inputs = [a.val if isinstance(a, Literal) else values[a] for a in eqn.invars]
            if eqn.primitive.name in COPIES and known(eqn.invars[0]):
                zeros.update(eqn.outvars)
            outputs = self._equation(jaxpr, eqn, inputs, [*map(known, eqn.invars)], makers)
            values.update(zip(eqn.outvars, outputs, strict=True))
            makers.update((var, eqn) for var in eqn.outvars)
        return [a.val if isinstance(a, Literal) else values[a] for a in jaxpr.outvars]

    def _equation(
        self, jaxpr: Jaxpr, eqn: Any, inputs: list[Any], zero: list[bool], makers: dict[Any, Any]
    ) -> list[Any]:
        """Return the outputs of one equation."""
        kind, params = eqn.primitive.name, eqn.params
        if kind in SMOOTH:
            self.others.add(kind)
        if kind == "max" and sum(zero) == 1 and not _is_variance(eqn, zero, makers):
            return self._replaced(inputs[zero.index(True) - 1])
        if kind == "custom_jvp_call" and len(inputs) == 1 and not _is_gate(eqn, makers):
            bound = _bound(params["call_jaxpr"].jaxpr)
            if bound is not None:
                return self._replaced(inputs[0], bound)
        if kind in ("jit", "pjit"):
            inner = params["jaxpr"]
            return self.run(inner.jaxpr, inner.consts, inputs, zero)
        if kind in ("remat2", "checkpoint"):
            inner = jax.checkpoint(
                lambda *args: self.run(params["jaxpr"], (), args, zero),
                prevent_cse=params["prevent_cse"],
                policy=params["policy"],
            )
            return inner(*inputs)
        if kind == "scan":
            return run_scan(self._function(params["jaxpr"]), params, inputs)
        if kind == "cond":
            branches = [self._function(branch) for branch in params["branches"]]
            return list(jax.lax.switch(inputs[0], branches, *inputs[1:]))
        return run_unchanged(jaxpr, eqn, inputs)

    def _replaced(self, x: Array, bound: float = np.inf) -> list[Array]:
        self.found += 1
        y = self.relu(x)
        # At the bound and above it is constant, as the derivative of `nn.relu6` has it.
        return [y if bound == np.inf else jnp.where(x < bound, y, jnp.asarray(bound, y.dtype))]

    def _function(self, closed: Any) -> Callable[..., list[Any]]:
        return lambda *args: self.run(closed.jaxpr, closed.consts, args, [False] * len(args))


def _bound(jaxpr: Jaxpr) -> float | None:
    """Return c of a jaxpr that is min(max(x, 0), c) and nothing more, infinite without the min.

    It may lie in a `jit` of its own. None stands for any other function.
    """
    if len(jaxpr.eqns) == 1 and "jaxpr" in jaxpr.eqns[0].params:
        return _bound(jaxpr.eqns[0].params["jaxpr"].jaxpr)
    constants = [[a.val for a in e.invars if isinstance(a, Literal)] for e in jaxpr.eqns]
    kinds = [eqn.primitive.name for eqn in jaxpr.eqns]
    if kinds not in (["max"], ["max", "min"]) or not all(len(c) == 1 for c in constants):
        return None
    return None if np.any(constants[0][0]) else float([*constants[1:], [np.inf]][0][0])


def _is_variance(eqn: Any, zero: list[bool], makers: dict[Any, Any]) -> bool:
    """Whether what is clamped is a difference from a square, as norms clamp their variance."""
    clamped = eqn.invars[zero.index(True) - 1]
    maker = None if isinstance(clamped, Literal) else makers.get(clamped)
    if maker is None or maker.primitive.name != "sub":
        return False
    second = maker.invars[1]
    square = None if isinstance(second, Literal) else makers.get(second)
    return square is not None and square.primitive.name in ("square", "integer_pow")


def _is_gate(eqn: Any, makers: dict[Any, Any]) -> bool:
    """Whether a constant is added before, as in relu6(x + 3) / 6, the hard sigmoid."""
    (clipped,) = eqn.invars
    maker = None if isinstance(clipped, Literal) else makers.get(clipped)
    if maker is None or maker.primitive.name != "add":
        return False
    return any(isinstance(atom, Literal) for atom in maker.invars)


def _name(relu: Relu) -> str:
    return getattr(relu, "__name__", type(relu).__name__)
