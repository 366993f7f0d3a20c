"""Equal blocks in a row as one loop, which is traced and compiled once."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.typing import Array

COLLECTIONS = ("params", "batch_stats")
LOOP = "loop"
"""Under this name the loop sees the variables of all its blocks, one after the other."""


def looped(parent: nn.Module, names: list[str], block: Callable[..., Any], x: Array) -> Array:
    """Apply the parent's blocks of these names, which differ in their variables alone.

    The variables keep their places: they are put together as the loop begins, and what it writes
    is taken apart. What else looks at modules inside of it (taps, sown values) sees nothing. The
    blocks draw nothing at random: they would all draw the same.

    Args:
      parent: The module that has the blocks, at its `@nn.compact` call.
      names: Names of the blocks, in order.
      block: Their constructor, called `block(name=...)`.
      x: What the first of them takes, and each gives.

    Returns:
      What the last of them gives, of the shape of `x`.
    """

    def stacked(variables: Any) -> Any:
        return {kind: _stacked(tree, names) for kind, tree in variables.items()}

    def apart(variables: Any) -> Any:
        return {kind: _apart(tree, names) for kind, tree in variables.items()}

    def run(parent: nn.Module, x: Array) -> Array:
        loop = nn.scan(
            lambda one, x, _: (one(x), None),
            variable_axes=dict.fromkeys(COLLECTIONS, 0),
            split_rngs={"dropout": False},  # may be a key for each example, which no split takes
            length=len(names),
        )
        return loop(block(name=LOOP), x, None)[0]

    return nn.map_variables(run, COLLECTIONS, stacked, apart, mutable=True)(parent, x)


def _stacked(tree: Any, names: list[str]) -> Any:
    """Return the variables with those of the named blocks put together."""
    rest = {name: part for name, part in tree.items() if name not in names}
    found = [tree[name] for name in names if name in tree]
    return {**rest, LOOP: jax.tree.map(lambda *parts: jnp.stack(parts), *found)} if found else rest


def _apart(tree: Any, names: list[str]) -> Any:
    """Return the variables with those of the loop under the names of its blocks."""
    rest = {name: part for name, part in tree.items() if name != LOOP}
    if LOOP not in tree:
        return rest
    parts = [jax.tree.map(lambda v, i=i: v[i], tree[LOOP]) for i in range(len(names))]
    return {**rest, **dict(zip(names, parts, strict=True))}
