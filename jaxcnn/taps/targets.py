"""What a gradient is taken of: one score per example, seen at the logits or at an inner place.

Targets are frozen pytrees: their numbers are leaves, so that another class or neuron does not
compile anew, and they pass through `jit` and `vmap`. A user's function is a constant instead:
define it once, for each new lambda is another program.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax.tree_util import register_dataclass

from jaxcnn.checks import Report, is_int
from jaxcnn.taps.target import STATIC, Target, check_classes, pick, pooled
from jaxcnn.typing import Array


@register_dataclass
@dataclass(frozen=True)
class Logit:
    """The logit of a class; of maps of logits (N, *S, K), the mean over the positions.

    Attributes:
      classes: An int, one class for each example (N,), or None for the largest logit.

    Example:
      >>> import jax.numpy as jnp
      >>> Logit(2)(jnp.array([[1.0, 2.0, 3.0]]))
      Array([3.], dtype=float32)
    """

    classes: Any = None
    at: str = field(default=":output", metadata=STATIC)

    def __call__(self, output: Array) -> Array:
        """Map logits (N, *S, K) to (N,)."""
        return pick(pooled(output), self.classes)

    def check(self, report: Report, output: Any) -> None:
        """Note classes that the logits do not have."""
        check_classes(report, self.classes, output)


@register_dataclass
@dataclass(frozen=True)
class Probability:
    """The softmax probability of a class; of maps (N, *S, K), the mean over the positions.

    Attributes:
      classes: An int, one class for each example (N,), or None for the most probable.

    Example:
      >>> import jax.numpy as jnp
      >>> Probability(0)(jnp.zeros((1, 4)))
      Array([0.25], dtype=float32)
    """

    classes: Any = None
    at: str = field(default=":output", metadata=STATIC)

    def __call__(self, output: Array) -> Array:
        """Map logits (N, *S, K) to (N,)."""
        return pick(pooled(jax.nn.softmax(output)), self.classes)

    def check(self, report: Report, output: Any) -> None:
        """Note classes that the logits do not have."""
        check_classes(report, self.classes, output)


@register_dataclass
@dataclass(frozen=True)
class Difference:
    """One target less another: why this class rather than that one.

    Attributes:
      first: A target, or a class.
      second: What is subtracted, seen at the same place.

    Example:
      >>> import jax.numpy as jnp
      >>> Difference(top1, 0)(jnp.array([[1.0, 5.0]]))
      Array([4.], dtype=float32)
    """

    first: Any
    second: Any

    @property
    def at(self) -> str:
        """The place of both."""
        return as_target(self.first).at

    def __call__(self, output: Any) -> Array:
        """Map the value at the place to (N,)."""
        return as_target(self.first)(output) - as_target(self.second)(output)

    def check(self, report: Report, output: Any) -> None:
        """Note what does not fit either target, or targets that look at two places."""
        first, second = as_target(self.first), as_target(self.second)
        rule, fix = f"must look at {first.at!r} as the first does", "give both the same place"
        report.expect(first.at == second.at, "target.second", second.at, rule, fix)
        first.check(report, output)
        second.check(report, output)


@register_dataclass
@dataclass(frozen=True)
class Score:
    """A function of your own.

    Attributes:
      function: Maps the value at the place, (N, ...), to scores (N,); a constant of the program.
      at: The place.

    Example:
      >>> import jax.numpy as jnp
      >>> Score(lambda logits: logits.max(1))(jnp.array([[1.0, 2.0]]))
      Array([2.], dtype=float32)
    """

    function: Callable[[Any], Array] = field(metadata=STATIC)
    at: str = field(default=":output", metadata=STATIC)

    def __call__(self, output: Any) -> Array:
        """Call the function."""
        return self.function(output)

    def check(self, report: Report, output: Any) -> None:
        """The function knows."""


top1 = Logit()
"""The largest logit of each example."""


def as_target(target: Any, function: str = "as_target") -> Target:
    """Return the target that is meant by a class, an array of them, a name or a function.

    Args:
      target: A target; an int class; classes (N,); `"top1"`; or a function that maps logits
        (N, K) to scores (N,).
      function: Name of the function that was given it, which opens the message of an error.

    Returns:
      The target.

    Raises:
      TypeError: If it is none of these.

    Example:
      >>> as_target(3), as_target("top1")
      (Logit(classes=3, at=':output'), Logit(classes=None, at=':output'))
    """
    if isinstance(target, Target) and not isinstance(target, type):
        return target
    if isinstance(target, str) and target == "top1":
        return top1
    if is_int(target) or isinstance(target, jax.Array | np.ndarray):
        return Logit(target)
    report = Report(function)
    rule = "must be a class, an array of classes (N,), 'top1', a function or a target"
    fix = "use e.g. target=207, or jaxcnn.taps.Neuron('conv1', (3, 3, 0))"
    if not report.expect(callable(target), "target", target, rule, fix, kind=True):
        report.done()
    scores: Any = target
    return Score(scores)
