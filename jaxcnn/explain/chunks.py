"""Many copies of a batch, a few at a time: memory is bounded by the chunk, not by the number."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.ops.canonical import canonical
from jaxcnn.typing import Array

Progress = Callable[[int, int], Any] | None
"""Told how many copies are done, and of how many."""


def mapped(
    function: Callable[[Any], Any], items: Any, chunk: int, progress: Progress = None
) -> Any:
    """Return `function` of each item, stacked, at most `chunk` items at once.

    >>> mapped(lambda x: x * x, jnp.arange(5), chunk=2)
    Array([ 0,  1,  4,  9, 16], dtype=int32)
    """
    count = jax.tree.leaves(items)[0].shape[0]
    parts, real = in_chunks(items, chunk)
    together = canonical(jax.vmap(function))  # for inside a scan CPUs are slow without

    def step(done: Array, part: Any) -> tuple[Array, Any]:
        items, real = part
        return tell(progress, done + real.sum(), count, together(items))

    _, out = jax.lax.scan(step, jnp.zeros((), int), (parts, real))
    return jax.tree.map(lambda y: y.reshape(-1, *y.shape[2:])[:count], out)


def summed(
    function: Callable[[Any], Any], items: Any, chunk: int, progress: Progress = None
) -> Any:
    """Return the sum of `function` over the items, of which only the sum is kept.

    >>> summed(lambda x: x * x, jnp.arange(5), chunk=2)
    Array(30, dtype=int32)
    """
    count = jax.tree.leaves(items)[0].shape[0]
    parts, real = in_chunks(items, chunk)
    first = jax.tree.map(lambda part: part[0, 0], parts)
    together = canonical(jax.vmap(function))
    start = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(function, first))

    def step(carry: tuple[Array, Any], part: Any) -> tuple[tuple[Array, Any], None]:
        (done, total), (items, real) = carry, part

        def add(total: Array, y: Array) -> Array:
            keep = real.reshape(-1, *(1,) * (y.ndim - 1))
            return total + jnp.where(keep, y, 0).sum(0)

        total = jax.tree.map(add, total, together(items))
        return tell(progress, done + real.sum(), count, total), None

    return jax.lax.scan(step, (jnp.zeros((), int), start), (parts, real))[0][1]


def tell(progress: Progress, done: Array, count: int, values: Any) -> tuple[Array, Any]:
    """Call `progress` when the values are there, and return them with the number done."""
    if progress is not None:
        done, values = jax.lax.optimization_barrier((done, values))
        jax.debug.callback(lambda done: progress(int(done), count), done)
    return done, values


def in_chunks(items: Any, chunk: int) -> tuple[Any, Array]:
    """Return items as (rounds, size, ...), evenly, and which are no filling (rounds, size).

    >>> in_chunks(jnp.arange(5), 4)[1]
    Array([[ True,  True,  True],
           [ True,  True, False]], dtype=bool)
    """
    count = jax.tree.leaves(items)[0].shape[0]
    rounds = -(-count // chunk)
    size = -(-count // rounds)
    index = jnp.arange(rounds * size).reshape(rounds, size)
    # The filling repeats the last item rather than being zero, which a function may not bear.
    return jax.tree.map(lambda x: x[jnp.minimum(index, count - 1)], items), index < count
