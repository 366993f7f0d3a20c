"""Optimizer state in parts: the numbers of whole ones, in a share of the memory."""

import jax
import numpy as np
import optax
import pytest

from tests.marks import mostly_slow
from tests.train.recipes import Recipe, Tiny, distance, first_state, make_batch
from train import parallel
from train.config import Optim
from train.optim import make_optimizer, rate_of
from train.state import TrainState
from train.step import composed, make_gradients, make_update

MODEL = Tiny(features=8)
SCHEDULE = optax.constant_schedule(0.01)


def train(name: str, devices: int, sharded: bool, steps: int = 2) -> TrainState:
    """The state after some steps, as it lies on the devices."""
    optimizer = make_optimizer(Optim(name, clip=0.5), SCHEDULE)
    gradients = make_gradients(Recipe(model=MODEL).task())
    update = make_update(optimizer, rate_of(SCHEDULE), ema=0.9)
    mesh = parallel.make_mesh(devices)
    state = first_state(MODEL, optimizer, ema=True)
    state = parallel.place_state(jax.tree.map(np.array, state), mesh, sharded)
    step = (
        parallel.spread_sharded(gradients, update, mesh)
        if sharded
        else parallel.spread_train(composed(gradients, update), mesh, "shard_map")
    )
    for _ in range(steps):
        state, metrics = step(state, parallel.shard(make_batch(), mesh, "shard_map"))
        assert metrics["finite"]
    return state


@pytest.mark.parametrize("name", mostly_slow(("adamw", "lars", "lamb", "muon", "sgd"), ("adamw",)))
def test_parts_give_the_numbers_of_the_whole(name, x64):
    whole, parts = train(name, 1, sharded=False), train(name, 8, sharded=True)
    for field in ("params", "batch_stats", "ema", "opt_state"):
        assert distance(getattr(parts, field), getattr(whole, field)) <= 1e-12
    divided = [leaf for leaf in jax.tree.leaves(parts.opt_state) if leaf.size >= 64]
    assert divided
    for leaf in divided:
        assert leaf.addressable_shards[0].data.size == leaf.size // 8
    for leaf in jax.tree.leaves(parts.params):
        assert leaf.addressable_shards[0].data.size == leaf.size
