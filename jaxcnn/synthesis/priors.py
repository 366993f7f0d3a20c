"""What images should be like, whatever a network makes of them."""

from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
from jax.tree_util import register_dataclass

from jaxcnn.checks import Report, is_number
from jaxcnn.taps.target import STATIC
from jaxcnn.typing import Array


@register_dataclass
@dataclass(frozen=True)
class TotalVariation:
    r"""Differences of neighbours, the prior of piecewise constant images.

    :math:`w \sum_{ij} ((x_{i,j+1} - x_{ij})^2 + (x_{i+1,j} - x_{ij})^2)^{\beta/2}`, for each
    channel over all pixels that have both neighbours. Where both differences are zero, so is the
    gradient.

    Attributes:
      weight: The factor w.
      beta: The exponent; 1 is the total variation itself, 2 punishes spikes more.

    Source: Mahendran & Vedaldi 2015, "Understanding deep image representations by inverting
    them", equation 3.

    Example:
      >>> x = jnp.array([[0.0, 3.0], [4.0, 0.0]]).reshape(1, 2, 2, 1)
      >>> float(TotalVariation(beta=1.0)({}, x)[0])
      5.0
    """

    weight: Any = 1.0
    beta: float = field(default=2.0, metadata=STATIC)

    @property
    def at(self) -> tuple[str, ...]:
        """It looks at no place."""
        return ()

    def __call__(self, seen: Any, images: Array) -> Array:
        """Return the variation of each image, (N,)."""
        corner = images[:, :-1, :-1]
        square = (images[:, :-1, 1:] - corner) ** 2 + (images[:, 1:, :-1] - corner) ** 2
        if self.beta != 2:
            some = square > 0  # the power has no finite gradient at zero
            square = jnp.where(some, jnp.where(some, square, 1) ** (self.beta / 2), 0)
        return self.weight * square.sum((1, 2, 3))

    def check(self, report: Report, seen: Any, images: Any) -> None:
        """Note an exponent or a factor that cannot be meant."""
        _expect_factor(report, "TotalVariation.weight", self.weight)
        rule, fix = "must be > 0", "use 2, or 1 for sharp edges"
        report.expect(self.beta > 0, "TotalVariation.beta", self.beta, rule, fix)


@register_dataclass
@dataclass(frozen=True)
class Norm:
    r"""How far values are from grey, :math:`w \sum |x - 1/2|^\alpha`.

    Attributes:
      weight: The factor w.
      alpha: The exponent: 2 in Simonyan et al. 2013, equation 1; 6 in Mahendran & Vedaldi 2015.

    Example:
      >>> Norm()({}, jnp.ones((1, 2, 2, 3)))
      Array([3.], dtype=float32)
    """

    weight: Any = 1.0
    alpha: float = field(default=2.0, metadata=STATIC)

    @property
    def at(self) -> tuple[str, ...]:
        """It looks at no place."""
        return ()

    def __call__(self, seen: Any, images: Array) -> Array:
        """Return the power of each image, (N,)."""
        return self.weight * (jnp.abs(images - 0.5) ** self.alpha).sum((1, 2, 3))

    def check(self, report: Report, seen: Any, images: Any) -> None:
        """Note a factor that cannot be meant, and an exponent whose gradient is not finite."""
        _expect_factor(report, "Norm.weight", self.weight)
        rule, fix = "must be >= 1", "use 2"
        report.expect(self.alpha >= 1, "Norm.alpha", self.alpha, rule, fix)


def _expect_factor(report: Report, argument: str, weight: Any) -> None:
    """Expect a factor that punishes; one that is computed cannot be looked at."""
    rule, fix = "must be >= 0, for it punishes", "use 0 to leave it out"
    report.expect(not is_number(weight) or weight >= 0, argument, weight, rule, fix)
