"""Dropout and stochastic depth as layers, and keys per example for them."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import errors
from flax.core.scope import LazyRng

from jaxcnn import ops
from jaxcnn.checks import Report, inside
from jaxcnn.ops.dropout import is_typed
from jaxcnn.typing import Array, Key


class MissingKeyError(errors.InvalidRngError, ValueError):
    """A layer draws at random and was given no key."""

    def __init__(self, message: str):
        # Not Flax's own constructor, which adds the address of a page that it lacks for this.
        ValueError.__init__(self, message)


class Dropout(nn.Module):
    """Dropout, as `flax.linen.Dropout`: same fields, defaults and, from one key, same draws.

    With `rngs={"dropout": per_example(key, index)}` each example's draws depend on its own key.

    Attributes:
      rate: probability of being zeroed, in [0, 1].
      broadcast_dims: axes along which one draw is shared.
      deterministic: whether to return the input as it is; here or in the call.
      rng_collection: name of the keys in `rngs`.

    >>> y = Dropout(0.5, deterministic=True).apply({}, jnp.ones((1, 2)))
    >>> y
    Array([[1., 1.]], dtype=float32)
    """

    rate: float
    broadcast_dims: Sequence[int] = ()
    deterministic: bool | None = None
    rng_collection: str = "dropout"

    @nn.compact
    def __call__(
        self, inputs: Array, deterministic: bool | None = None, rng: Key | None = None
    ) -> Array:
        """Drop elements.

        Args:
          inputs: `(N, ...)`, floating point.
          deterministic: whether to return the input as it is.
          rng: one key, or one per example, instead of those in `rngs`.

        Returns:
          An array like `inputs`.
        """
        deterministic = nn.merge_param("deterministic", self.deterministic, deterministic)
        expect_rate(self, inputs)
        if deterministic or self.rate == 0:
            return inputs
        if self.rate == 1:
            return jnp.zeros_like(inputs)
        rng = layer_key(self, self.rng_collection) if rng is None else rng
        with inside("/".join(self.path)):
            return ops.dropout(inputs, self.rate, rng, broadcast_dims=tuple(self.broadcast_dims))


class StochasticDepth(nn.Module):
    """Drops whole examples of a residual branch (`jaxcnn.ops.stochastic_depth`).

    Attributes:
      rate: probability of being zeroed, in [0, 1].
      deterministic: whether to return the input as it is; here or in the call.
      rng_collection: name of the keys in `rngs`.

    >>> StochasticDepth(0.2, deterministic=True).apply({}, jnp.ones((1, 2)))
    Array([[1., 1.]], dtype=float32)
    """

    rate: float
    deterministic: bool | None = None
    rng_collection: str = "dropout"

    @nn.compact
    def __call__(
        self, inputs: Array, deterministic: bool | None = None, rng: Key | None = None
    ) -> Array:
        """Drop examples; the arguments are those of `Dropout`."""
        deterministic = nn.merge_param("deterministic", self.deterministic, deterministic)
        expect_rate(self, inputs)
        if deterministic or self.rate == 0:
            return inputs
        if self.rate == 1:
            return jnp.zeros_like(inputs)
        rng = layer_key(self, self.rng_collection) if rng is None else rng
        with inside("/".join(self.path)):
            return ops.stochastic_depth(inputs, self.rate, rng)


def per_example(key: Key, index: Array) -> LazyRng:
    """Return keys for `rngs` that depend on `key` and on each example's own index.

    Pass them as `model.apply(..., rngs={"dropout": per_example(key, index)})`: whichever device
    or position an example has, it sees the same draws. Only layers of this library read them.

    Args:
      key: one key, e.g. that of the step.
      index: `(N,)` integers that tell the examples apart, e.g. their places in the data set.

    Returns:
      A value for `rngs`.

    Raises:
      ValueError: if `index` is not a vector of integers.

    >>> rngs = {"dropout": per_example(jax.random.key(0), jnp.array([7, 8]))}
    >>> swapped = {"dropout": per_example(jax.random.key(0), jnp.array([8, 7]))}
    >>> layer, x = Dropout(0.5, deterministic=False), jnp.ones((2, 50))
    >>> bool((layer.apply({}, x, rngs=rngs) == layer.apply({}, x, rngs=swapped)[::-1]).all())
    True
    """
    report = Report("per_example")
    ok = jnp.ndim(index) == 1 and jnp.issubdtype(jnp.result_type(index), jnp.integer)
    report.expect(ok, "index", index, "must be a vector of integers", "use batch['index']")
    report.done()
    return LazyRng(jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.asarray(index)), ())


def layer_key(module: nn.Module, name: str) -> Key:
    """Return this layer's key, or its keys where `rngs` holds one per example."""
    scope = module.scope
    assert scope is not None
    if not (scope.has_rng(name) or scope.has_rng("params")):
        path = "/".join(module.path) or type(module).__name__
        raise MissingKeyError(
            f"{type(module).__name__} {path!r} draws at random and found no key named {name!r}. "
            f"Fix: pass rngs={{{name!r}: jax.random.key(seed)}} to apply, or train=False "
            "(deterministic=True)."
        )
    lazy = scope.rngs.get(name)
    if not (isinstance(lazy, LazyRng) and jnp.ndim(lazy.rng) == 1 and is_typed(lazy.rng)):
        return module.make_rng(name)
    # Folding in the layer's path and count, as `make_rng` does, for each example.
    scope.rng_counters[name] += 1
    count = scope.rng_counters[name]
    return jax.vmap(lambda key: LazyRng(key, (*lazy.suffix, count)).as_jax_rng())(lazy.rng)


def expect_rate(module: nn.Module, x: Array) -> None:
    """Expect a rate in [0, 1], also where nothing is dropped."""
    report = Report(type(module).__name__, x)
    report.fraction("rate", module.rate)  # type: ignore[attr-defined]
    with inside("/".join(module.path)):
        report.done()
