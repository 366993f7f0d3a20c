"""What a field of a model may hold, as its annotation says: checked before anything is built."""

import types
import typing
from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxcnn.checks import Report, is_number

MAY_BE_ZERO = ("num_classes", "bottleneck", "padding", "connections")
"""Where zero means something: no classes, no bottleneck, no padding, the first map."""

MAY_BE_EMPTY = ("hidden", "pools", "after", "dropout_before")
"""Where nothing means something: no hidden layers, no pools, no dropout."""

PLAIN: dict[Any, tuple[Callable[[Any], bool], str, str]] = {
    bool: (lambda v: isinstance(v, bool), "True or False", "pass a bool"),
    float: (is_number, "a number", "pass a float"),
    str: (lambda v: isinstance(v, str), "a string", "put it into quotes"),
    Callable: (callable, "callable", "pass the function or class itself, e.g. flax.linen.relu"),
    nn.Module: (lambda v: isinstance(v, nn.Module), "a model", "pass create_model(...) or a name"),
}
"""For an annotation: the test, what a value must be, the fix."""


def check_field(report: Report, name: str, value: Any, hint: Any) -> None:
    """Note what is wrong with the value of a field.

    Args:
      report: Where problems are noted.
      name: Name of the field.
      value: What it should hold; tuples, not lists.
      hint: Its annotation. Of alternatives the first says what is expected, unless it is None.

    >>> report = Report("create_model")
    >>> check_field(report, "norm", None, Callable[..., Any] | None)
    >>> check_field(report, "blocks", (2, 0), tuple[int, ...])
    >>> report.done()
    Traceback (most recent call last):
    jaxcnn.checks.ArgumentError: create_model: blocks[1]=0: must be >= 1. Fix: use 1 or more
    """
    kind = typing.get_origin(hint) or hint
    if kind in (types.UnionType, typing.Union):
        first, *others = typing.get_args(hint)
        if not (value is None and types.NoneType in others):
            check_field(report, name, value, first)
    elif kind is int:
        report.count(name, value, low=0 if _bare(name) in MAY_BE_ZERO else 1)
    elif kind in PLAIN:
        test, what, fix = PLAIN[kind]
        report.expect(test(value), name, value, f"must be {what}", fix, kind=True)
    elif isinstance(kind, type) and issubclass(kind, tuple):
        _check_tuple(report, name, value, hint)


def _check_tuple(report: Report, name: str, value: Any, hint: Any) -> None:
    """Note what is no tuple, has too few or too many entries, or wrong ones."""
    rule, fix = "must be a tuple or a list", "also of one entry: (2,)"
    if not report.expect(isinstance(value, tuple), name, value, rule, fix, kind=True):
        return
    rule, fix = "must not be empty", "give an entry for each stage, or leave the field out"
    if not report.expect(bool(value) or _bare(name) in MAY_BE_EMPTY, name, value, rule, fix):
        return
    if hasattr(hint, "_fields"):  # a row of a table
        hints = typing.get_type_hints(hint)
        least, entries = len(hints) - len(hint._field_defaults), ", ".join(hints)
        rule, fix = f"must have {least} to {len(hints)} entries", f"they are: {entries}"
        if report.expect(least <= len(value) <= len(hints), name, value, rule, fix):
            for (key, inner), entry in zip(hints.items(), value, strict=False):
                check_field(report, f"{name}.{key}", entry, inner)
        return
    inner = typing.get_args(hint)
    if inner[-1] is ...:
        inner = (inner[0],) * len(value)
    rule, fix = f"must have {len(inner)} entries", "see the class's docstring"
    if report.expect(len(value) == len(inner), name, value, rule, fix):
        for i, (entry, one) in enumerate(zip(value, inner, strict=True)):
            check_field(report, f"{name}[{i}]", entry, one)


def _bare(name: str) -> str:
    """Return the name of the field itself.

    >>> _bare("stages[0].padding"), _bare("blocks[1]")
    ('padding', 'blocks')
    """
    return name.rpartition(".")[2].partition("[")[0]
