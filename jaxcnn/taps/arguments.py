"""The arguments that all functions of this room share."""

import inspect
from collections.abc import Sequence
from typing import Any

from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.taps.places import COLLECTIONS
from jaxcnn.taps.run import Inputs, Setting, is_arrays


def split(
    function: str, model: nn.Module, train: bool, mutable: Any, options: dict[str, Any]
) -> tuple[Setting, dict[str, Any]]:
    """Separate what is constant from the arrays, and pass `train` to models that know it."""
    report = Report(function)
    rule, fix = "must be a Linen module", "pass the module itself, not a function or a state"
    if not report.expect(isinstance(model, nn.Module), "model", model, rule, fix, kind=True):
        report.done()
    rule, fix = "must not be bound to variables", "pass model.unbind()[0] and its variables"
    report.expect(model.scope is None, "model", type(model).__name__, rule, fix)
    knows = "train" in inspect.signature(type(model).__call__).parameters
    rule = f"{type(model).__name__}.__call__ has no argument of this name"
    fix = "pass the model's own word for it, and mutable=['batch_stats'] if it writes any"
    report.expect(knows or not train, "train", train, rule, fix)
    report.done()
    arrays = {name: value for name, value in options.items() if is_arrays(value)}
    constant = {name: value for name, value in options.items() if name not in arrays}
    if knows:
        constant["train"] = train
    return Setting(model, train, mutable, constant), arrays


def inputs_of(variables: Any, x: Any, rngs: Any, arrays: dict[str, Any]) -> Inputs:
    """Collect the arrays of a call; what an earlier run left behind stays out."""
    kept = {name: tree for name, tree in variables.items() if name not in COLLECTIONS}
    return Inputs(kept, x, rngs, arrays)


def names_of(report: Report, at: str | Sequence[str]) -> tuple[str, ...]:
    """Return the requested names as a tuple."""
    names = (at,) if isinstance(at, str) else at
    ok = isinstance(names, Sequence) and all(isinstance(name, str) for name in names)
    rule = "must be a name or a list of names"
    if not report.expect(ok, "at", at, rule, "use e.g. at=['stage1', 'head:input']", kind=True):
        report.done()
    return tuple(names)
