"""Equations of a jaxpr, run again by whoever changes some of them."""

from collections.abc import Callable
from typing import Any

from jax import lax
from jax.core import eval_jaxpr
from jax.extend.core import Jaxpr, Literal

Values = list[Any]


def run_unchanged(jaxpr: Jaxpr, eqn: Any, inputs: Values) -> Values:
    """Evaluate one equation of a jaxpr, with whatever derivative rule it has."""
    variables = [atom for atom in eqn.invars if not isinstance(atom, Literal)]
    kept = [v for a, v in zip(eqn.invars, inputs, strict=True) if not isinstance(a, Literal)]
    alone = jaxpr.replace(constvars=[], invars=variables, outvars=eqn.outvars, eqns=[eqn])
    return eval_jaxpr(alone, (), *kept)


def run_scan(body: Callable[..., Values], params: dict[str, Any], inputs: Values) -> Values:
    """Evaluate a scan, by its parameters, with another body."""
    constants, count = _counts(params)
    last = constants + count

    def step(carry: Values, xs: Values) -> tuple[Values, Values]:
        out = body(*inputs[:constants], *carry, *xs)
        return out[:count], out[count:]

    options = {name: params[name] for name in ("length", "reverse", "unroll")}
    carry, ys = lax.scan(step, inputs[constants:last], inputs[last:], **options)
    return [*carry, *ys]


def _counts(params: dict[str, Any]) -> tuple[int, int]:
    """Return how many inputs of a scan are constants, and how many its carry."""
    if "ft_in" in params:  # of jax 0.12
        constants, carry, _ = params["ft_in"].unpack()
        return len(constants), len(carry)
    return params["num_consts"], params["num_carry"]
