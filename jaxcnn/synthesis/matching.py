"""Terms that match what a network makes of given images: features, Gram matrices, directions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import register_dataclass

from jaxcnn.checks import Report
from jaxcnn.synthesis.network import Network
from jaxcnn.taps.target import STATIC
from jaxcnn.typing import Array


def gram(features: Array) -> Array:
    r"""Return :math:`G_{ck} = \frac1M \sum_{ij} F_{ijc} F_{ijk}`, what channels have in common.

    Args:
      features: Maps (N, *S, C) of M positions.

    Returns:
      Matrices (N, C, C).

    Source: Gatys et al. 2016, "Image style transfer using convolutional neural networks",
    equation 3; there without the division, which lets images of different sizes be compared.

    Example:
      >>> gram(jnp.ones((1, 2, 2, 3))).shape
      (1, 3, 3)
    """
    flat = features.reshape(features.shape[0], -1, features.shape[-1])
    return jnp.einsum("npc,npk->nck", flat, flat) / flat.shape[1]


@register_dataclass
@dataclass(frozen=True)
class Match:
    r"""Features as they are, position by position: :math:`\sum_l \frac{w_l}{2} \|F_l - P_l\|^2`.

    Attributes:
      values: What the features should be, by place, each (N, ...) or (1, ...).
      weights: The factor, or that of each place.
      relative: Divide by :math:`\frac12 \|P_l\|^2`, so that 1 is as far as nothing is.

    Source: Gatys et al. 2016, equation 1; relative: Mahendran & Vedaldi 2015, section 3.

    Example:
      >>> Match({"conv1": jnp.ones((1, 4))})({"conv1": jnp.zeros((1, 4))}, None)
      Array([2.], dtype=float32)
    """

    values: Mapping[str, Any]
    weights: Any = 1.0
    relative: bool = field(default=False, metadata=STATIC)

    @property
    def at(self) -> tuple[str, ...]:
        """The places."""
        return tuple(self.values)

    def __call__(self, seen: Mapping[str, Array], images: Any) -> Array:
        """Return the distance of each image."""
        parts = []
        for place, value in self.values.items():
            axes = tuple(range(1, value.ndim))
            far = ((seen[place] - value) ** 2).sum(axes) / 2
            size = (value**2).sum(axes) / 2 if self.relative else 1.0
            parts.append(_weight(self, place) * far / size)
        return sum(parts[1:], parts[0])

    def check(self, report: Report, seen: Any, images: Any) -> None:
        """Note features of another shape."""
        for place, value in self.values.items():
            rule = f"has features of shape {value.shape[1:]} there, not {seen[place].shape[1:]}"
            ok = value.shape[1:] == seen[place].shape[1:]
            report.expect(ok, "Match", place, rule, "give images of the same size and channels")
            _expect_count(report, "Match", place, value, seen)


@register_dataclass
@dataclass(frozen=True)
class MatchGram:
    r"""Gram matrices: :math:`\sum_l \frac{w_l}{4 C_l^2} \|G(F_l) - A_l\|^2`, the style.

    Attributes:
      values: What the matrices should be, by place, each (N, C, C) or (1, C, C).
      weights: The factor, or that of each place.
      relative: Divide by :math:`\|A_l\|^2` instead of :math:`4 C_l^2`.

    Source: Gatys et al. 2016, equations 4 and 5.

    Example:
      >>> MatchGram({"conv1": jnp.zeros((1, 2, 2))})({"conv1": jnp.ones((1, 3, 3, 2))}, None)
      Array([0.25], dtype=float32)
    """

    values: Mapping[str, Any]
    weights: Any = 1.0
    relative: bool = field(default=False, metadata=STATIC)

    @property
    def at(self) -> tuple[str, ...]:
        """The places."""
        return tuple(self.values)

    def __call__(self, seen: Mapping[str, Array], images: Any) -> Array:
        """Return the distance of each image."""
        parts = []
        for place, value in self.values.items():
            far = ((gram(seen[place]) - value) ** 2).sum((1, 2))
            size = (value**2).sum((1, 2)) if self.relative else 4.0 * value.shape[-1] ** 2
            parts.append(_weight(self, place) * far / size)
        return sum(parts[1:], parts[0])

    def check(self, report: Report, seen: Any, images: Any) -> None:
        """Note matrices of another number of channels."""
        for place, value in self.values.items():
            rule = f"has {value.shape[-1]} channels there, not {seen[place].shape[-1]}"
            ok = value.shape[-1] == seen[place].shape[-1]
            report.expect(ok, "MatchGram", place, rule, "give the same model and channels")
            _expect_count(report, "MatchGram", place, value, seen)


@register_dataclass
@dataclass(frozen=True)
class Along:
    r"""How far features go along given ones, :math:`-\cos(F, P)^p \, \langle F, P \rangle`.

    Attributes:
      values: The directions, by place, each (N, ...).
      power: The exponent p; the larger, the less the direction may change.

    Source: Olah et al. 2018, "The building blocks of interpretability" (lucid's objective
    `dot_compare`).

    Example:
      >>> Along({"conv1": jnp.ones((1, 4))})({"conv1": 2 * jnp.ones((1, 4))}, None)
      Array([-8.], dtype=float32)
    """

    values: Mapping[str, Any]
    power: float = field(default=2.0, metadata=STATIC)

    @property
    def at(self) -> tuple[str, ...]:
        """The places."""
        return tuple(self.values)

    def __call__(self, seen: Mapping[str, Array], images: Any) -> Array:
        """Return the negative length along the directions."""
        parts = []
        for place, value in self.values.items():
            axes = tuple(range(1, value.ndim))
            dot = (seen[place] * value).sum(axes)
            square = (seen[place] ** 2).sum(axes) * (value**2).sum(axes)
            cosine = dot * jax.lax.rsqrt(jnp.maximum(square, 1e-12))
            parts.append(-dot * jnp.maximum(cosine, 0.1) ** self.power)
        return sum(parts[1:], parts[0])

    def check(self, report: Report, seen: Any, images: Any) -> None:
        """Note features of another shape."""
        Match(self.values).check(report, seen, images)


def values_at(network: Network, images: Array, at: Sequence[str]) -> dict[str, Array]:
    """Return the features of images at places, as constants of an optimisation."""
    return jax.lax.stop_gradient(_values(network, images, tuple(at)))


def grams_at(network: Network, images: Array, at: Sequence[str]) -> dict[str, Array]:
    """Return the Gram matrices of images at places."""
    return {place: gram(value) for place, value in values_at(network, images, at).items()}


def _values(network: Network, images: Array, at: tuple[str, ...]) -> dict[str, Array]:
    return network.look(images, at)


def _weight(term: Any, place: str) -> Any:
    """Return the factor of a place."""
    return term.weights[place] if isinstance(term.weights, Mapping) else term.weights


def _expect_count(report: Report, name: str, place: str, value: Any, seen: Any) -> None:
    images, given = seen[place].shape[0], value.shape[0]
    rule = f"has values of {given} images, and {images} are made"
    report.expect(given in (1, images), name, place, rule, "give one, or one for each image")
