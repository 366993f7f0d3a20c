"""What a target is, and what targets share."""

from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxcnn.checks import Report
from jaxcnn.typing import Array

STATIC = {"static": True}
"""Marks a field that is a constant of the compiled program, not a leaf of the pytree."""


@runtime_checkable
class Target(Protocol):
    """One score per example, of what a network puts out at a place.

    Any object with these members is a target; `Score` makes one of a function.

    Example:
      >>> from jaxcnn.taps import top1
      >>> isinstance(top1, Target)
      True
    """

    @property
    def at(self) -> str:
        """The place that the target looks at, `":output"` for the logits."""
        ...

    def __call__(self, output: Any) -> Array:
        """Map the value at the place, (N, ...), to scores (N,)."""
        ...

    def check(self, report: Report, output: Any) -> None:
        """Note what does not fit a value of this shape; numbers that are traced pass."""
        ...


def pick(values: Array, classes: Any) -> Array:
    """Return one entry of each row (N, K): the given ones, or the largest; NaN beyond the row."""
    if classes is None:
        return values.max(1)
    rows = jnp.arange(values.shape[0])
    entries = values.at[rows, jnp.broadcast_to(jnp.asarray(classes), rows.shape)]
    return entries.get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)


def check_classes(report: Report, classes: Any, output: Any) -> None:
    """Note classes of wrong type, number or range."""
    if classes is None:
        return
    rule = f"must be an int, or ints of shape ({output.shape[0]},), one for each example"
    integer = jnp.issubdtype(jnp.result_type(classes), jnp.integer)
    fits = jnp.shape(classes) in ((), output.shape[:1])
    if report.expect(integer and fits, "target", classes, rule, "give classes, not one-hot rows"):
        expect_below(report, "target", classes, output.shape[-1])


def expect_below(report: Report, argument: str, index: Any, size: int) -> None:
    """Note an index that is out of range, unless it is traced."""
    if isinstance(index, Tracer):
        return
    ok = bool(np.all((np.asarray(index) >= 0) & (np.asarray(index) < size)))
    report.expect(ok, argument, index, f"must lie in 0 to {size - 1}", "entries count from 0")


def pooled(output: Array) -> Array:
    """Return the mean over all positions, (N, *S, C) to (N, C)."""
    return output.mean(tuple(range(1, output.ndim - 1))) if output.ndim > 2 else output
