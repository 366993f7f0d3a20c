"""Dropout and stochastic depth, with one key for a batch or one per example."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.checks import Report, is_int
from jaxcnn.typing import Array, Key, Shape


def dropout(x: Array, rate: float, key: Key, *, broadcast_dims: Sequence[int] = ()) -> Array:
    """Zero each element with probability `rate`, and divide the others by `1 - rate`.

    With one key per example, what happens to an example depends on its own key alone, hence not
    on the batch or the device on which it happens to be.

    Args:
      x: `(N, ...)`, floating point.
      rate: probability of being zeroed, in [0, 1].
      key: one key, or `(N,)` of them.
      broadcast_dims: axes along which one draw is shared, e.g. `(1, 2)` to drop whole feature
        maps of an NHWC batch.

    Returns:
      An array like `x`, with the same mean.

    Raises:
      ValueError: if the rate is out of range, or the keys are not one per example.

    Reference: Srivastava et al., "Dropout", 2014.

    >>> y = dropout(jnp.ones((2, 100)), 0.5, jax.random.key(0))
    >>> sorted({float(value) for value in y.ravel()})
    [0.0, 2.0]
    """
    report = Report("dropout", x)
    report.fraction("rate", rate)
    expect_keys(report, key, x)
    dims = tuple(broadcast_dims)
    ok = all(is_int(dim) and -x.ndim <= dim < x.ndim for dim in dims)
    rule = f"must be axes of the input, from {-x.ndim} to {x.ndim - 1}"
    report.expect(ok, "broadcast_dims", broadcast_dims, rule, "use e.g. (1, 2)")
    report.done()
    shared = {dim % x.ndim for dim in dims}
    return drop(x, rate, key, tuple(1 if i in shared else n for i, n in enumerate(x.shape)))


def stochastic_depth(x: Array, rate: float, key: Key) -> Array:
    """Zero whole examples with probability `rate`, and divide the others by `1 - rate`.

    Applied to the residual branch it skips the block at random, example by example.

    Args:
      x: `(N, ...)`, floating point.
      rate: probability of being zeroed, in [0, 1].
      key: one key, or `(N,)` of them.

    Returns:
      An array like `x`, with the same mean.

    Raises:
      ValueError: if the rate is out of range, or the keys are not one per example.

    Reference: Huang et al., "Deep Networks with Stochastic Depth", 2016.

    >>> y = stochastic_depth(jnp.ones((100, 3)), 0.5, jax.random.key(0))
    >>> bool(jnp.all(y == y[:, :1])), sorted({float(value) for value in y.ravel()})
    (True, [0.0, 2.0])
    """
    report = Report("stochastic_depth", x)
    report.fraction("rate", rate)
    expect_keys(report, key, x)
    report.done()
    return drop(x, rate, key, (x.shape[0], *(1,) * (x.ndim - 1)))


def drop(x: Array, rate: float, key: Key, shape: Shape) -> Array:
    """Drop with arguments that are known to be right; `shape` is that of the draws."""
    if rate == 0:
        return x
    if rate == 1:  # where dividing would make the gradient NaN
        return jnp.zeros_like(x)
    keep = _draw(key, 1 - rate, shape)
    return jnp.where(keep, x / jnp.asarray(1 - rate, x.dtype), jnp.zeros_like(x))


def expect_keys(report: Report, key: Any, x: Any) -> None:
    """Expect one random key, or one per example."""
    report.floating("x", x)
    fix = "pass jax.random.key(seed), or one key per example"
    typed = is_typed(key)
    raw = hasattr(key, "dtype") and key.dtype == jnp.uint32 and key.ndim in (1, 2)
    if not report.expect(typed or raw, "key", key, "must be a random key", fix, kind=True):
        return
    batch = key.shape if typed else key.shape[:-1]
    rule = f"must be one key or one per example, {x.shape[:1]}"
    report.expect(batch in ((), x.shape[:1]), "key", key, rule, fix)


def is_typed(key: Any) -> bool:
    """Whether `key` holds keys as `jax.random.key` makes them.

    >>> is_typed(jax.random.key(0)), is_typed(jnp.zeros(2, jnp.uint32))
    (True, False)
    """
    return hasattr(key, "dtype") and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)


def _draw(key: Key, probability: float, shape: Shape) -> Array:
    if key.ndim == (0 if is_typed(key) else 1):
        return jax.random.bernoulli(key, probability, shape)
    one = math.prod(shape[:1]) == 1 and key.shape[0] != 1
    if one:  # a draw shared by all examples cannot depend on the key of each
        return jax.random.bernoulli(key[0], probability, shape)
    return jax.vmap(lambda k: jax.random.bernoulli(k, probability, shape[1:]))(key)
