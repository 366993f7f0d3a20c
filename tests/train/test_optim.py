"""Optimizers do what their papers say."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from train.config import Optim
from train.muon import kinds
from train.optim import decayed, make_optimizer, rate_of
from train.state import TrainState
from train.step import make_update

PARAMS = {"conv": {"kernel": jnp.ones((3, 3, 2, 4)), "bias": jnp.ones(4)}}
PARAMS["norm"] = {"scale": jnp.ones(4), "bias": jnp.ones(4)}
NAMES = ("sgd", "adamw", "lars", "lamb", "muon")


def update(config: Optim, grads, params=PARAMS, rate: float = 1.0):
    """The first step."""
    optimizer = make_optimizer(config, lambda step: rate)
    return optimizer.update(grads, optimizer.init(params), params)[0]


@pytest.mark.parametrize("name", NAMES)
def test_only_kernels_decay(name):
    """With zero gradients nothing but decay moves a parameter."""
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    updates = update(Optim(name, weight_decay=0.1), zeros)
    assert np.all(updates["conv"]["kernel"] < 0)
    for room, leaf in (("conv", "bias"), ("norm", "scale"), ("norm", "bias")):
        assert not np.any(updates[room][leaf])
    assert decayed(PARAMS)["conv"] == {"kernel": True, "bias": False}


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_has_momentum_and_coupled_decay(nesterov):
    """Two steps by hand: v = m v + (g + d w), step = g + d w + m v with a look ahead, else v."""
    config = Optim("sgd", momentum=0.9, weight_decay=0.01, nesterov=nesterov)
    optimizer = make_optimizer(config, lambda step: 0.1)
    w, v = 2.0, 0.0
    params = {"kernel": jnp.full((1, 1), w)}
    state = optimizer.init(params)
    for g in (0.5, -0.25):
        decayed_gradient = g + 0.01 * w
        v = 0.9 * v + decayed_gradient
        w -= 0.1 * (decayed_gradient + 0.9 * v if nesterov else v)
        updates, state = optimizer.update({"kernel": jnp.full((1, 1), g)}, state, params)
        params = {"kernel": params["kernel"] + updates["kernel"]}
        assert float(params["kernel"][0, 0]) == pytest.approx(w, rel=1e-6)


def gradients(seed: int = 0):
    draw = np.random.default_rng(seed)
    return jax.tree.map(lambda p: jnp.asarray(draw.normal(size=p.shape), p.dtype), PARAMS)


def test_lars_moves_a_kernel_by_a_share_of_its_norm():
    """You et al. 2017, equation 6, for the first step; biases and norms take plain SGD."""
    grads, config = gradients(), Optim("lars", weight_decay=0.01, trust=0.002)
    updates = update(config, grads)
    w, g = PARAMS["conv"]["kernel"], grads["conv"]["kernel"] + 0.01 * PARAMS["conv"]["kernel"]
    expected = -0.002 * jnp.linalg.norm(w.ravel()) / jnp.linalg.norm(g.ravel()) * g
    np.testing.assert_allclose(updates["conv"]["kernel"], expected, rtol=1e-5)
    np.testing.assert_allclose(updates["conv"]["bias"], -grads["conv"]["bias"], rtol=1e-6)


def test_lamb_moves_a_kernel_by_its_norm():
    """You et al. 2019, algorithm 2, for the first step: Adam's direction, at the kernel's norm."""
    grads = gradients()
    updates = update(Optim("lamb", weight_decay=0.01), grads)
    w, g = PARAMS["conv"]["kernel"], grads["conv"]["kernel"]
    direction = g / (jnp.abs(g) + 1e-6) + 0.01 * w
    size = jnp.linalg.norm(w.ravel()) / jnp.linalg.norm(direction.ravel())
    np.testing.assert_allclose(updates["conv"]["kernel"], -size * direction, rtol=1e-4)
    np.testing.assert_allclose(updates["conv"]["bias"], -jnp.sign(grads["conv"]["bias"]), rtol=1e-4)


def test_muon_steps_are_orthogonal_filters_of_adamws_spread():
    """All singular values are near one; the spread of the numbers is near 0.2."""
    updates = update(Optim("muon", weight_decay=0.0), gradients())
    matrix = np.asarray(updates["conv"]["kernel"]).reshape(-1, 4) / (0.2 * np.sqrt(18))
    assert np.all(np.abs(np.linalg.svd(matrix, compute_uv=False) - 1) < 0.35)
    assert np.sqrt(np.mean(np.square(updates["conv"]["kernel"]))) == pytest.approx(0.2, rel=0.35)
    np.testing.assert_allclose(np.abs(updates["norm"]["bias"]), 1, rtol=1e-4)  # Adam's first step


def test_muon_leaves_to_adam_what_is_no_matrix_of_filters():
    shapes = {
        "stem": {"kernel": (3, 3, 3, 8), "bias": (8,)},
        "grey": {"kernel": (3, 3, 1, 8)},
        "fc6": {"kernel": (32, 16)},
        "head": {"kernel": (16, 10), "bias": (10,)},
    }
    tree = jax.tree.map(jnp.zeros, shapes, is_leaf=lambda s: isinstance(s, tuple))
    assert kinds(tree) == {
        "stem": {"kernel": "muon", "bias": "others"},
        "grey": {"kernel": "others"},
        "fc6": {"kernel": "muon"},
        "head": {"kernel": "others", "bias": "others"},
    }


@pytest.mark.parametrize(("clip", "length"), [(0.0, 5.0), (2.0, 2.0), (9.0, 5.0)])
def test_long_gradients_are_clipped(clip, length):
    grads = {"a": {"kernel": jnp.full((1, 1), 3.0)}, "b": {"bias": jnp.full(1, 4.0)}}
    config = Optim(momentum=0.0, weight_decay=0.0, clip=clip)
    updates = update(config, grads, jax.tree.map(jnp.ones_like, grads))
    assert float(optax.tree.norm(updates)) == pytest.approx(length)


@pytest.mark.parametrize("name", NAMES)
def test_the_learning_rate_is_that_of_the_next_update(name):
    """The count is the optimizer's own, so a step that is skipped does not move it."""
    schedule = optax.linear_schedule(0.0, 1.0, 10)
    optimizer = make_optimizer(Optim(name, clip=1.0), schedule)
    state = optimizer.init(PARAMS)
    rate = rate_of(schedule)
    assert float(rate(state)) == 0
    _, state = optimizer.update(gradients(), state, PARAMS)
    assert float(rate(state)) == pytest.approx(0.1)


def test_a_skipped_step_does_not_move_the_logged_learning_rate():
    schedule = optax.linear_schedule(0.0, 1.0, 10)
    optimizer = make_optimizer(Optim(), schedule)
    update = make_update(optimizer, rate_of(schedule))
    state = TrainState(
        step=jnp.zeros((), jnp.int32),
        params=PARAMS,
        batch_stats={},
        opt_state=optimizer.init(PARAMS),
        key_data=jax.random.key_data(jax.random.key(0)),
    )
    sums = {"loss": jnp.ones(()), "count": jnp.ones((), jnp.int32)}
    rates = []
    for bad in (False, True, False, False):
        grads = jax.tree.map(lambda g, bad=bad: g * (jnp.nan if bad else 1), gradients())
        state, metrics = update(state, grads, sums, {})
        rates.append(round(float(metrics["learning_rate"]), 6))
    assert rates == [0.0, 0.1, 0.1, 0.2]
    assert int(state.step) == 4
