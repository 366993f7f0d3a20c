"""How much memory activations take, without running anything."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from jaxcnn.models.inspect.rules import ELEMENTWISE
from jaxcnn.models.inspect.value import Value
from jaxcnn.models.inspect.walk import Step

SAME_MEMORY = frozenset(("reshape", "squeeze", "name", "copy", "stop_gradient", "loop"))
IN_PLACE = ELEMENTWISE | SAME_MEMORY


def peak_bytes(steps: Sequence[Step], x: Value, results: Sequence[Value]) -> int:
    """Return the most memory that activations take at once, when each is freed after its last use.

    Elementwise functions write over an operand that nothing else needs, as compilers do.
    """
    owner: dict[int, Value] = {}
    for step in steps:
        if step.name in SAME_MEMORY and step.operands[0].nbytes == step.results[0].nbytes:
            owner[id(step.results[0])] = owner.get(id(step.operands[0]), step.operands[0])
    last: dict[int, int] = {}
    for i, step in enumerate(steps):
        last.update({id(owner.get(id(v), v)): i for v in step.operands if v.spread})
    last.update({id(owner.get(id(v), v)): len(steps) for v in results})
    live = peak = x.nbytes
    for i, step in enumerate(steps):
        made = sum(v.nbytes for v in step.results if v.spread and id(v) not in owner)
        used = {id(v): v for v in (owner.get(id(u), u) for u in step.operands) if v.spread}
        freed = sum(v.nbytes for key, v in used.items() if last[key] == i)
        peak = max(peak, live + made - (freed if step.name in IN_PLACE else 0))
        live += made - freed
    return peak


def kept_bytes(run: Callable[..., Any], variables: Any, *arguments: Any) -> int:
    """Return the memory of what the backward pass needs, parameters and arguments excepted.

    JAX itself is asked: these are the residuals of `jax.vjp`, so that recomputation
    (`jax.checkpoint`) counts as it should.
    """
    rest = {name: tree for name, tree in variables.items() if name != "params"}

    def residuals(params: Any, rest: Any, *arguments: Any) -> Any:
        return jax.vjp(lambda p: run({**rest, "params": p}, *arguments), params)[1]

    program = jax.make_jaxpr(residuals)(variables["params"], rest, *arguments).jaxpr
    given = {id(var) for var in (*program.invars, *program.constvars)}
    kept = {id(var): var.aval for var in program.outvars}
    return sum(aval.size * aval.dtype.itemsize for key, aval in kept.items() if key not in given)
