"""The running average: what it covers, and what it does not follow."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.train.recipes import TINY, first_state
from train.ema import averaged
from train.rundir import write_final
from train.step import advance


def taken(grads: Any, ema: float = 0.9):
    """The state before and after a step with the given gradients, by SGD."""
    optimizer = optax.sgd(1.0)
    state = first_state(TINY, optimizer, ema=True)
    sums = {"loss": jnp.ones(()), "count": jnp.ones((), jnp.int32)}
    stats = jax.tree.map(lambda s: s + 2.0, state.batch_stats)
    grads = jax.tree.map(lambda p: jnp.full_like(p, grads), state.params)
    new, _ = advance(state, optimizer, grads, sums, stats, functools.partial(averaged, ema))
    return state, new


def test_the_average_covers_parameters_and_statistics():
    """At step 0 the decay is 0.1: nine tenths of the change."""
    before, after = taken(1.0)
    for name, change in (("params", -1.0), ("batch_stats", 2.0)):
        moved = jax.tree.map(lambda a, b: a - b, after.ema[name], getattr(before, name))
        for leaf in jax.tree.leaves(moved):
            np.testing.assert_allclose(leaf, 0.9 * change, rtol=1e-5)
    assert after.variables is after.ema


def test_a_bad_step_leaves_the_average_as_it_is():
    before, after = taken(float("nan"))
    assert all(jax.tree.leaves(jax.tree.map(np.array_equal, before.ema, after.ema)))


def test_without_an_average_the_state_holds_none():
    state = first_state(TINY)
    assert state.ema == {}
    assert state.variables["params"] is state.params
    assert averaged(0.0, state) is state


def test_the_average_is_what_a_run_leaves(tmp_path):
    _, state = taken(1.0)
    write_final(tmp_path / "final.npz", state)
    kept = np.load(tmp_path / "final.npz")
    np.testing.assert_array_equal(kept["params/head/kernel"], state.ema["params"]["head"]["kernel"])
    np.testing.assert_array_equal(
        kept["batch_stats/norm/mean"], state.ema["batch_stats"]["norm"]["mean"]
    )
    assert np.any(kept["params/head/kernel"] != state.params["head"]["kernel"])
