"""Targets within a network: one unit, a channel, a direction, a whole layer."""

from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
from jax.tree_util import register_dataclass

from jaxcnn.checks import Report
from jaxcnn.taps.target import STATIC, expect_below, pick, pooled
from jaxcnn.typing import Array


@register_dataclass
@dataclass(frozen=True)
class Neuron:
    """One unit of a layer.

    Attributes:
      at: The layer.
      index: Its position without the batch: `(y, x, channel)`, or an int in a vector.

    Example:
      >>> Neuron("fc1", 1)(jnp.array([[3.0, 4.0]]))
      Array([4.], dtype=float32)
    """

    at: str = field(metadata=STATIC)
    index: Any

    def __call__(self, output: Array) -> Array:
        """Map (N, ...) to (N,)."""
        index = self.index if isinstance(self.index, tuple | list) else (self.index,)
        return output.at[:, *index].get(
            mode="fill", fill_value=jnp.nan, wrap_negative_indices=False
        )

    def check(self, report: Report, output: Any) -> None:
        """Note an index that the layer does not have."""
        index = self.index if isinstance(self.index, tuple | list) else (self.index,)
        shape = output.shape[1:]
        rule = f"must have one entry for each axis of {shape}"
        fix = "give e.g. (y, x, channel)"
        if report.expect(len(index) == len(shape), "target.index", self.index, rule, fix):
            for entry, size in zip(index, shape, strict=True):
                expect_below(report, "target.index", entry, size)


@register_dataclass
@dataclass(frozen=True)
class Channel:
    """The mean of one channel over all positions, or its strongest activation.

    Attributes:
      at: The layer.
      channel: Its number.
      strongest: Take the largest activation of the feature map, wherever it is.

    Example:
      >>> Channel("conv1", 0)(jnp.ones((2, 4, 4, 3)))
      Array([1., 1.], dtype=float32)
    """

    at: str = field(metadata=STATIC)
    channel: Any
    strongest: bool = field(default=False, metadata=STATIC)

    def __call__(self, output: Array) -> Array:
        """Map (N, *S, C) to (N,)."""
        if self.strongest:
            return pick(output.max(tuple(range(1, output.ndim - 1))), self.channel)
        return pick(pooled(output), self.channel)

    def check(self, report: Report, output: Any) -> None:
        """Note a channel that the layer does not have."""
        expect_below(report, "target.channel", self.channel, output.shape[-1])


@register_dataclass
@dataclass(frozen=True)
class Direction:
    """A linear combination of the channels, averaged over all positions.

    Attributes:
      at: The layer.
      vector: One weight for each channel, (C,).

    Example:
      >>> Direction("conv1", jnp.array([1.0, -1.0]))(jnp.ones((1, 4, 4, 2)))
      Array([0.], dtype=float32)
    """

    at: str = field(metadata=STATIC)
    vector: Any

    def __call__(self, output: Array) -> Array:
        """Map (N, *S, C) to (N,)."""
        return pooled(output) @ jnp.asarray(self.vector, output.dtype)

    def check(self, report: Report, output: Any) -> None:
        """Note a vector of another length than the channels."""
        rule, fix = f"must have shape ({output.shape[-1]},)", "give one weight for each channel"
        ok = jnp.shape(self.vector) == (output.shape[-1],)
        report.expect(ok, "target.vector", self.vector, rule, fix)


@register_dataclass
@dataclass(frozen=True)
class Layer:
    """A whole layer: half the sum of its squares, whose gradient there is the activation.

    Attributes:
      at: The layer.

    Source: Mordvintsev et al. 2015, "Inceptionism" (DeepDream).

    Example:
      >>> Layer("conv1")(jnp.ones((1, 2, 2, 1)))
      Array([2.], dtype=float32)
    """

    at: str = field(metadata=STATIC)

    def __call__(self, output: Array) -> Array:
        """Map (N, ...) to (N,)."""
        return jnp.square(output.reshape(output.shape[0], -1)).sum(1) / 2

    def check(self, report: Report, output: Any) -> None:
        """Every layer fits."""
