"""A batch in parts, one after the other: the gradients of all, the memory of one."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from train.augmentation import Batch

Gradients = Callable[[Any, Batch, jax.Array], tuple[Any, Any, Any]]


def accumulated(
    gradients: Gradients, parts: int, batch_stats: Any, batch: Batch, index: jax.Array
) -> tuple[Any, Any, Any]:
    """Return the summed gradients and metrics of all parts, and the statistics after the last.

    Part k holds every `parts`-th example from the k-th on: the same ones on any number of
    devices. Norms see one part at a time, and their statistics move with each.

    Args:
        gradients: `(batch_stats, batch, index) -> (sums of gradients, sums, batch_stats)`.
        parts: Number of parts, a divisor of this device's share of the batch.
        batch_stats: Statistics before the step.
        batch: This device's share of the batch.
        index: Positions of its examples in the whole batch.
    """
    if parts == 1:
        return gradients(batch_stats, batch, index)

    def cut(array: jax.Array) -> jax.Array:
        return jnp.moveaxis(array.reshape(-1, parts, *array.shape[1:]), 1, 0)

    def one(carry: tuple[Any, Any], part: tuple[Batch, jax.Array]) -> tuple[tuple[Any, Any], None]:
        sums, batch_stats = carry
        *found, batch_stats = gradients(batch_stats, *part)
        return (jax.tree.map(jnp.add, sums, tuple(found)), batch_stats), None

    pieces = jax.tree.map(cut, (batch, index))
    first = jax.tree.map(lambda array: array[0], pieces)
    *shapes, _ = jax.eval_shape(gradients, batch_stats, *first)
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), tuple(shapes))
    ((grads, sums), batch_stats), _ = jax.lax.scan(one, (zeros, batch_stats), pieces)
    return grads, sums, batch_stats
