"""What is minimised: terms that map what a network makes of images to one loss for each image.

Terms are frozen pytrees, as the targets of `jaxcnn.taps` are: their numbers are leaves, so that
another class or another weight does not compile anew.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax.tree_util import register_dataclass

from jaxcnn.checks import Report
from jaxcnn.synthesis.pixels import each, norms
from jaxcnn.taps import as_target
from jaxcnn.taps.target import STATIC, check_classes, pick
from jaxcnn.typing import Array

Seen = dict[str, Array]
"""What the network makes of the images, by place."""


class Term(Protocol):
    """A part of the objective.

    Example:
      >>> Maximize(3).at
      (':output',)
    """

    @property
    def at(self) -> tuple[str, ...]:
        """The places of the network that it looks at."""
        ...

    def __call__(self, seen: Seen, images: Array) -> Array:
        """Return the loss of each image, (N,)."""
        ...

    def check(self, report: Report, seen: Any, images: Any) -> None:
        """Note what does not fit values and images of these shapes."""
        ...


@register_dataclass
@dataclass(frozen=True)
class Maximize:
    r"""The score of a target, :math:`-w s(x)`: a class, a neuron, a channel, a direction, a layer.

    Attributes:
      target: What `jaxcnn.taps.as_target` knows.
      weight: The factor w.

    Example:
      >>> Maximize(1)({":output": jnp.array([[3.0, 4.0]])}, jnp.zeros((1, 1, 1, 3)))
      Array([-4.], dtype=float32)
    """

    target: Any
    weight: Any = 1.0

    @property
    def at(self) -> tuple[str, ...]:
        """The target's place."""
        return (as_target(self.target).at,)

    def __call__(self, seen: Seen, images: Array) -> Array:
        """Return the negative score."""
        goal = as_target(self.target)
        return -self.weight * goal(seen[goal.at])

    def check(self, report: Report, seen: Any, images: Any) -> None:
        """Note a target that the network does not have."""
        goal = as_target(self.target)
        goal.check(report, seen[goal.at])


@register_dataclass
@dataclass(frozen=True)
class CrossEntropy:
    r"""The cross-entropy of the logits with classes, :math:`\mp \log p_c(x)`.

    Attributes:
      classes: An int, or one class for each image (N,).
      away: Move away from the classes rather than to them.
      weight: Its factor, a number or one for each image (N,).

    Example:
      >>> CrossEntropy(0)({":output": jnp.zeros((1, 2))}, jnp.zeros((1, 1, 1, 3)))
      Array([0.6931472], dtype=float32)
    """

    classes: Any
    away: bool = field(default=False, metadata=STATIC)
    weight: Any = 1.0

    @property
    def at(self) -> tuple[str, ...]:
        """The logits."""
        return (":output",)

    def __call__(self, seen: Seen, images: Array) -> Array:
        """Return the loss of each image."""
        loss = -pick(jax.nn.log_softmax(seen[":output"]), self.classes)
        return (-self.weight if self.away else self.weight) * loss

    def check(self, report: Report, seen: Any, images: Any) -> None:
        """Note classes that the logits do not have."""
        check_classes(report, self.classes, seen[":output"])


@register_dataclass
@dataclass(frozen=True)
class Margin:
    r"""How far a class is from winning, :math:`\max(0, \max_{k \ne c} z_k - z_c + \kappa)`.

    Zero, and without gradient, as soon as the class leads by the margin.

    Attributes:
      classes: An int, or one class for each image (N,).
      lead: The margin, in units of the logits.

    Source: Carlini & Wagner 2017, "Towards evaluating the robustness of neural networks", f6.

    Example:
      >>> Margin(0, lead=1.0)({":output": jnp.array([[1.0, 3.0]])}, jnp.zeros((1, 1, 1, 3)))
      Array([3.], dtype=float32)
    """

    classes: Any
    lead: Any = 0.0

    @property
    def at(self) -> tuple[str, ...]:
        """The logits."""
        return (":output",)

    def __call__(self, seen: Seen, images: Array) -> Array:
        """Return the loss of each image."""
        logits = seen[":output"]
        rows = jnp.arange(len(logits))
        others = logits.at[rows, jnp.broadcast_to(jnp.asarray(self.classes), rows.shape)]
        return jax.nn.relu(others.set(-jnp.inf).max(1) - pick(logits, self.classes) + self.lead)

    def check(self, report: Report, seen: Any, images: Any) -> None:
        """Note classes that the logits do not have."""
        check_classes(report, self.classes, seen[":output"])


@register_dataclass
@dataclass(frozen=True)
class Distance:
    r"""The Euclidean distance from images, :math:`w \|x - x_0\|_2`.

    Attributes:
      images: The images x0, (N, H, W, C).
      weight: The factor w, a number or one for each image (N,).

    Example:
      >>> Distance(jnp.zeros((1, 1, 1, 2)))({}, jnp.array([3.0, 4.0]).reshape(1, 1, 1, 2))
      Array([5.], dtype=float32)
    """

    images: Any
    weight: Any = 1.0

    @property
    def at(self) -> tuple[str, ...]:
        """It looks at no place."""
        return ()

    def __call__(self, seen: Seen, images: Array) -> Array:
        """Return the distance of each image."""
        return (each(self.weight, images) * norms(images - self.images)).ravel()

    def check(self, report: Report, seen: Any, images: Any) -> None:
        """Note images of another shape."""
        rule = f"must have shape {images.shape}"
        ok = jnp.shape(self.images) == images.shape
        report.expect(ok, "Distance.images", self.images, rule, "give one for each image")
