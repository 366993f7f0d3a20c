"""Schedules and optimizers do what their fields say."""

import jax.numpy as jnp
import numpy as np
import pytest

from train.config import Optim
from train.optim import decayed, make_optimizer
from train.schedule import make_schedule

PARAMS = {"conv": {"kernel": jnp.ones((3, 3, 2, 4)), "bias": jnp.ones(4)}}
PARAMS["norm"] = {"scale": jnp.ones(4), "bias": jnp.ones(4)}


def test_the_schedule_warms_up_and_falls_to_zero():
    config = Optim(learning_rate=0.4, warmup="2 epochs")
    schedule = make_schedule(config, total_steps=30, steps_per_epoch=5, batch_size=8)
    rates = [float(schedule(step)) for step in range(31)]
    assert rates[0] == 0
    assert rates[5] == pytest.approx(0.2)
    assert rates[10] == max(rates) == pytest.approx(0.4)
    assert rates[20] == pytest.approx(0.2)
    assert rates[30] == pytest.approx(0, abs=1e-8)
    assert all(np.diff(rates[10:]) < 0)


def test_a_warm_up_is_no_longer_than_the_run_and_may_be_absent():
    config = Optim(learning_rate=0.4, warmup="9 epochs", schedule="constant")
    assert float(make_schedule(config, 10, 5, 8)(9)) == pytest.approx(0.36)
    none = Optim(learning_rate=0.4, warmup="0 steps", schedule="constant")
    assert float(make_schedule(none, 10, 5, 8)(0)) == pytest.approx(0.4)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_only_kernels_decay(name):
    """With zero gradients nothing but decay moves a parameter."""
    config = Optim(name, weight_decay=0.1)
    optimizer = make_optimizer(config, lambda step: 0.5)
    zeros = {k: {n: jnp.zeros_like(p) for n, p in v.items()} for k, v in PARAMS.items()}
    updates, _ = optimizer.update(zeros, optimizer.init(PARAMS), PARAMS)
    assert np.all(updates["conv"]["kernel"] < 0)
    for room, leaf in (("conv", "bias"), ("norm", "scale"), ("norm", "bias")):
        assert not np.any(updates[room][leaf])
    assert decayed(PARAMS)["conv"] == {"kernel": True, "bias": False}


def test_sgd_is_nesterovs_with_coupled_decay():
    """Two steps by hand: v = m v + (g + d w), step = g + d w + m v."""
    config = Optim("sgd", momentum=0.9, weight_decay=0.01)
    optimizer = make_optimizer(config, lambda step: 0.1)
    w, v = 2.0, 0.0
    params = {"kernel": jnp.full((1, 1), w)}
    state = optimizer.init(params)
    for g in (0.5, -0.25):
        decayed_gradient = g + 0.01 * w
        v = 0.9 * v + decayed_gradient
        w -= 0.1 * (decayed_gradient + 0.9 * v)
        updates, state = optimizer.update({"kernel": jnp.full((1, 1), g)}, state, params)
        params = {"kernel": params["kernel"] + updates["kernel"]}
        assert float(params["kernel"][0, 0]) == pytest.approx(w, rel=1e-6)
