"""The abstract program as one list of steps: calls entered, with what every result sees."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from jaxcnn.models.inspect.field import Extent
from jaxcnn.models.inspect.rules import spread_of
from jaxcnn.models.inspect.spread import Atom, Spread
from jaxcnn.models.inspect.value import Value
from jaxcnn.models.inspect.work import inflated, multiply_adds

Path = tuple[str, ...]
"""Module calls from the outermost in; `name#2` is the second call of the module `name`."""

MARK = re.compile(r"call\[([^\]]*)\]")
"""What `trace` writes into the name of every equation that a module makes."""

CALLS = frozenset("""
    jit pjit closed_call core_call remat remat2 checkpoint custom_jvp_call custom_vjp_call
    custom_vjp_call_jaxpr shard_map xla_pmap
""".split())  # noqa: SIM905  # fmt: skip
PROGRAMS = ("jaxpr", "call_jaxpr", "fun_jaxpr")
MOST_TURNS = 64  # of a loop that are followed; what still changes then is called unknown


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One equation, run `times` times inside the module call `path`; `work` for all times."""

    name: str
    params: dict[str, Any]
    path: Path
    operands: tuple[Value, ...]
    results: tuple[Value, ...]
    times: int
    work: int


@dataclass
class Walk:
    """Walks through a program and all that it calls; `steps` are the equations that it met.

    Where a program chooses by platform, the general branch counts: there, convolutions are one
    equation, and not what CPUs compute faster.
    """

    steps: list[Step] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)
    paths: dict[tuple[Path, str], Path] = field(default_factory=dict)

    def run(
        self, program: Any, operands: Sequence[Value], path: Path = (), times: int = 1
    ) -> list[Value]:
        """Walk through a program and return its results."""
        jaxpr: Jaxpr = getattr(program, "jaxpr", program)
        consts = program.consts if isinstance(program, ClosedJaxpr) else ()
        known: dict[Any, Value] = dict(zip(jaxpr.constvars, map(constant, consts), strict=True))
        known.update(zip(jaxpr.invars, operands, strict=True))

        def read(atom: Any) -> Value:
            return constant(atom.aval) if isinstance(atom, Literal) else known[atom]

        for eqn in jaxpr.eqns:
            inner = self.path(path, str(eqn.source_info.name_stack))
            results = self.equation(eqn, [read(atom) for atom in eqn.invars], inner, times)
            known.update(zip(eqn.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def path(self, outer: Path, names: str) -> Path:
        """Return the module call that an equation of these names belongs to."""
        key = (outer, names)
        if key not in self.paths:
            own = [name for mark in MARK.findall(names) for name in mark.split("/") if name]
            self.paths[key] = (*outer, *own)
        return self.paths[key]

    def equation(self, eqn: Any, values: list[Value], path: Path, times: int) -> list[Value]:
        """Note an equation, or walk through what it calls; return its results."""
        name = eqn.primitive.name
        if name in LOOPS:
            return LOOPS[name](self, eqn, values, path, times)
        if name in CALLS:
            program = next(eqn.params[key] for key in PROGRAMS if key in eqn.params)
            return self.run(program, values, path, times)
        results = [self.result(name, eqn.params, values, out.aval) for out in eqn.outvars]
        work = multiply_adds(name, eqn.params, values, results[0].shape) if results else 0
        step = Step(name, eqn.params, path, tuple(values), tuple(results), times, work * times)
        self.steps.append(step)
        return results

    def result(self, name: str, params: dict[str, Any], values: list[Value], aval: Any) -> Value:
        """Return what an equation makes of these values."""
        shape = tuple(getattr(aval, "shape", ()))
        spread = spread_of(name, params, values, shape)
        learned = any(value.learned for value in values)
        sparse = inflated(name, params, values[0]) if values else None
        return Value(shape, getattr(aval, "dtype", None), spread, learned, sparse)

    def choice(self, eqn: Any, values: list[Value], path: Path, times: int) -> list[Value]:
        """Take the general branch of a choice by platform, and the costliest of any other."""
        branches, operands = eqn.params["branches"], values[1:]
        platforms = eqn.params.get("branches_platforms")
        if platforms is not None:
            general = platforms.index(None) if None in platforms else len(branches) - 1
            return self.run(branches[general], operands, path, times)
        self.notes.add("of a conditional, the branch with the most multiply-adds is counted")
        walks = [Walk(notes=self.notes) for _ in branches]
        runs = [w.run(b, operands, path, times) for w, b in zip(walks, branches, strict=True)]
        costs = [sum(step.work for step in walk.steps) for walk in walks]
        dearest = costs.index(max(costs))
        self.steps += walks[dearest].steps
        for results in runs:
            for value, other in zip(runs[dearest], results, strict=True):
                value.spread = both(value.spread, other.spread)
        return runs[dearest]

    def scan(self, eqn: Any, values: list[Value], path: Path, times: int) -> list[Value]:
        """Follow a loop of known length turn by turn; the steps are those of its last turn."""
        body, length = eqn.params["jaxpr"], eqn.params["length"]
        # How many operands are what is named differently by JAX's versions; axes tell it too.
        sliced = sum(v.ndim < u.aval.ndim for v, u in zip(body.in_avals, eqn.invars, strict=True))
        made = sum(v.ndim < u.aval.ndim for v, u in zip(body.out_avals, eqn.outvars, strict=True))
        carried = len(eqn.outvars) - made
        fixed = len(eqn.invars) - sliced - carried
        consts, first = values[:fixed], values[fixed : fixed + carried]
        slices = [self.link(v, one_of(v), path) for v in values[fixed + carried :]]
        carry = first
        for _ in range(min(length, MOST_TURNS) - 1):
            later = Walk().run(body, [*consts, *carry, *slices])[:carried]
            settled = [v.spread for v in later] == [v.spread for v in carry]
            carry = later
            if settled:
                break
        else:
            carry = [blurred(value) for value in carry] if length > MOST_TURNS else carry
        entered = [self.link(v, u, path) for v, u in zip(first, carry, strict=True)]
        results = self.run(body, [*consts, *entered, *slices], path, times * length)
        lists = [self.link(v, stacked(v, length), path) for v in results[carried:]]
        return [*results[:carried], *lists]

    def loop(self, eqn: Any, values: list[Value], path: Path, times: int) -> list[Value]:
        """Follow one turn of a loop of unknown length."""
        self.notes.add("of a while loop, whose length is not known, one turn is counted")
        skipped = eqn.params["cond_nconsts"]
        consts = values[skipped : skipped + eqn.params["body_nconsts"]]
        first, body = values[skipped + len(consts) :], eqn.params["body_jaxpr"]
        later = Walk().run(body, [*consts, *first])
        carry = [self.link(v, blurred(u), path) for v, u in zip(first, later, strict=True)]
        results = self.run(body, [*consts, *carry], path, times)
        return [self.link(v, blurred(v), path) for v in results]

    def link(self, value: Value, seen: Value, path: Path) -> Value:
        """Note that a loop takes one value for another, of which more (or less) is known."""
        if seen is not value:
            self.steps.append(Step("loop", {}, path, (value,), (seen,), 1, 0))
        return seen


LOOPS = {"cond": Walk.choice, "scan": Walk.scan, "while": Walk.loop}


def constant(array: Any) -> Value:
    """Return the value of a constant of the architecture."""
    held = np.asarray(array) if isinstance(array, np.ndarray | jax.Array) else None
    return Value(tuple(getattr(array, "shape", ())), getattr(array, "dtype", None), array=held)


def both(one: Spread | None, other: Spread | None) -> Spread | None:
    """Return the spread of what may be either."""
    return one.joined(other) if one and other else one or other


def blurred(value: Value) -> Value:
    """Return a value whose field has no known size."""
    spread = value.spread and value.spread.unknown(value.shape)
    return Value(value.shape, value.dtype, spread, value.learned)


def one_of(value: Value) -> Value:
    """Return what a loop sees in one turn of an array that it runs over."""
    spread = value.spread and value.spread.seen_whole([0], Extent.UNKNOWN).without([0])
    return Value(value.shape[1:], value.dtype, spread, value.learned)


def stacked(value: Value, length: int) -> Value:
    """Return the array that a loop makes of a result of each turn."""
    spread = value.spread and value.spread._replace(axes=((Atom(length),), *value.spread.axes))
    return Value((length, *value.shape), value.dtype, spread, value.learned)
