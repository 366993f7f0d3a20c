"""The step: eight devices equal one, by both maps, and a bad step changes nothing."""

import dataclasses
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict

from jaxcnn import layers
from jaxcnn.models import create_model
from tests.ops.derivatives import quick_jit
from train import parallel
from train.config import Augment, Loss
from train.state import TrainState, create_state
from train.step import make_train_step
from train.tasks import Classification

SHAPE = (8, 8, 1)
BATCH = 16


def make_task(axis: str | None = parallel.AXIS, **fields) -> Classification:
    fields = {
        "stages": ((4, 1, True), (8, 1, False)),
        "hidden": (16,),
        "dropout": 0.3,
        "norm": layers.BatchNormConfig(axis_name=axis),
        **fields,
    }
    model = create_model("convnet", num_classes=5, **fields)
    return Classification(
        model, (0.5,), (0.25,), Augment(pad_crop=1, flip=True), Loss(label_smoothing=0.1)
    )


def make_batch(seed: int, masked: int = 0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {
        "image": draw.integers(0, 256, (BATCH, *SHAPE), np.uint8),
        "label": draw.integers(0, 5, BATCH, np.int32),
        "mask": np.arange(BATCH) >= masked,
    }


def capture() -> optax.GradientTransformation:
    """An optimizer that changes nothing and keeps the gradient as its state."""
    return optax.GradientTransformation(
        lambda params: jax.tree.map(jnp.zeros_like, params),
        lambda grads, state, params=None: (jax.tree.map(jnp.zeros_like, grads), grads),
    )


OPTIMIZERS = {
    "capture": capture(),
    "sgd": optax.sgd(0.05, momentum=0.9, nesterov=True),
    "adamw": optax.adamw(1e-3),
}


@functools.cache
def initial(model: nn.Module, double: bool):
    """Variables before the first step; compiled once for all tests."""
    return jax.device_get(create_state(model, optax.identity(), SHAPE, seed=3))


def start(task: Classification, optimizer) -> TrainState:
    state = initial(task.model, jax.config.jax_enable_x64)
    return state.replace(opt_state=optimizer.init(state.params))


@functools.cache
def program(task, name: str, devices: int, kind: str, double: bool):
    """The step on some devices; compiled once for all tests."""
    mesh = parallel.make_mesh(devices)
    return mesh, parallel.spread_train(make_train_step(task, OPTIMIZERS[name]), mesh, kind)


def train(task, name: str, devices: int, kind: str, batches):
    """The state and metrics after the batches."""
    mesh, step = program(task, name, devices, kind, jax.config.jax_enable_x64)
    state, metrics = parallel.replicate(start(task, OPTIMIZERS[name]), mesh), {}
    for batch in batches:
        state, metrics = step(state, parallel.shard(batch, mesh, kind))
    return jax.device_get(state), jax.device_get(metrics)


def run(task, name: str, devices: int, kind: str, steps: int = 1, masked: int = 0):
    """The state and metrics after some steps; the same ones are made once for all tests."""
    return cached_run(task, name, devices, kind, steps, masked, jax.config.jax_enable_x64)


@functools.cache
def cached_run(task, name: str, devices: int, kind: str, steps: int, masked: int, double: bool):
    return train(task, name, devices, kind, (make_batch(n, masked) for n in range(steps)))


def relative_l2(a, b) -> float:
    a, b = (np.concatenate([np.ravel(x) for x in jax.tree.leaves(tree)]) for tree in (a, b))
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


# In plain runs the fifty steps below speak for `pmap`.
@pytest.mark.parametrize("kind", ["shard_map", pytest.param("pmap", marks=pytest.mark.slow)])
def test_gradients_of_eight_devices_equal_those_of_one(kind):
    one, _ = run(make_task(), "capture", 1, "shard_map")
    eight, _ = run(make_task(), "capture", 8, kind)
    assert relative_l2(eight.opt_state, one.opt_state) <= 1e-6


@pytest.mark.parametrize("kind", ["shard_map", "pmap"])
@pytest.mark.slow
def test_fifty_steps_of_eight_devices_equal_those_of_one(kind, x64):
    one, first = run(make_task(), "sgd", 1, "shard_map", 50)
    eight, last = run(make_task(), "sgd", 8, kind, 50)
    assert jax.tree.leaves(one.params)[0].dtype == np.float64
    assert relative_l2(eight.params, one.params) <= 1e-12
    assert relative_l2(eight.batch_stats, one.batch_stats) <= 1e-12
    assert first["count"] == last["count"] == BATCH
    assert first["top1"] == last["top1"]


UNAUGMENTED = dataclasses.replace(make_task(norm=None, dropout=0.0), augment=Augment())


def test_masked_examples_count_nowhere_and_devices_may_be_empty(x64):
    """Five of sixteen examples are masked: on eight devices two have none that counts."""
    one, metrics = run(UNAUGMENTED, "capture", 1, "shard_map", masked=5)
    eight, _ = run(UNAUGMENTED, "capture", 8, "shard_map", masked=5)
    assert metrics["count"] == BATCH - 5
    assert relative_l2(eight.opt_state, one.opt_state) <= 1e-12


def test_what_lies_under_the_mask_changes_nothing(x64):
    batch = make_batch(0, masked=5)
    changed = {**batch, "label": batch["label"].copy(), "image": batch["image"].copy()}
    changed["label"][:5] = (changed["label"][:5] + 1) % 5
    changed["image"][:5] = 255 - changed["image"][:5]
    (one, sums), (other, changed_sums) = (
        train(UNAUGMENTED, "capture", 8, "shard_map", [b]) for b in (batch, changed)
    )
    assert relative_l2(one.opt_state, other.opt_state) == 0
    assert sums["loss"] == changed_sums["loss"]
    assert sums["top1"] == changed_sums["top1"]


def test_the_gradient_is_that_of_the_mean_loss(x64):
    task = dataclasses.replace(make_task(dropout=0.0), augment=Augment())
    state, metrics = run(task, "capture", 8, "shard_map")
    first = start(task, capture())
    batch = make_batch(0)
    plain = task.model.clone(norm=layers.BatchNormConfig())

    def mean_loss(params):
        variables = {"params": params, "batch_stats": first.batch_stats}
        images = (batch["image"] / 255 - 0.5) / 0.25
        logits, _ = plain.apply(variables, images, train=True, mutable=["batch_stats"])
        targets = optax.smooth_labels(jax.nn.one_hot(batch["label"], 5), 0.1)
        return optax.softmax_cross_entropy(logits, targets).mean()

    loss, grads = quick_jit(jax.value_and_grad(mean_loss))(first.params)
    assert relative_l2(state.opt_state, grads) <= 1e-12
    assert abs(metrics["loss"] / BATCH - loss) <= 1e-12


@pytest.mark.slow
def test_local_statistics_are_averaged(x64):
    """Without an axis each device normalises by its own share; the state holds the mean."""
    state, _ = run(make_task(axis=None), "capture", 8, "shard_map")
    synced, _ = run(make_task(), "capture", 8, "shard_map")
    local, whole = (flatten_dict(s.batch_stats, sep="/") for s in (state, synced))
    first = "stage1/norm1"
    np.testing.assert_allclose(local[f"{first}/mean"], whole[f"{first}/mean"], rtol=1e-12)
    assert np.all(local[f"{first}/var"] < whole[f"{first}/var"])


@pytest.mark.slow
def test_a_group_of_devices_normalises_its_own_part_of_the_batch(x64):
    """Four groups of two: the mean of four runs of one device with a quarter of the batch each."""
    groups = parallel.norm_group("group:2", 8)
    task = make_task(norm=layers.BatchNormConfig(**groups), dropout=0.0)
    task = dataclasses.replace(task, augment=Augment())
    alone = dataclasses.replace(task, model=task.model.clone(norm=layers.BatchNormConfig()))
    batch = make_batch(0)
    whole, _ = train(task, "capture", 8, "shard_map", [batch])
    parts = [{k: v[i : i + 4] for k, v in batch.items()} for i in range(0, BATCH, 4)]
    quarters = [train(alone, "capture", 1, "shard_map", [part])[0] for part in parts]
    for name in ("opt_state", "batch_stats"):
        trees = [getattr(quarter, name) for quarter in quarters]
        mean = jax.tree.map(lambda *x: sum(x) / 4, *trees)
        assert relative_l2(getattr(whole, name), mean) <= 1e-12


class Poisoned(Classification):
    """A task whose images are no numbers."""

    def prepare(self, images):
        return super().prepare(images) * jnp.nan


def test_a_step_with_a_non_finite_number_changes_nothing_but_its_count():
    optimizer, task = OPTIMIZERS["adamw"], make_task()
    poisoned = Poisoned(task.model, task.mean, task.std, task.augment)
    mesh = parallel.make_mesh(2)
    state = parallel.replicate(start(task, optimizer), mesh)
    before = jax.device_get(state)
    step = parallel.spread_train(make_train_step(poisoned, optimizer), mesh, "shard_map")
    after, metrics = step(state, parallel.shard(make_batch(0), mesh, "shard_map"))
    assert not metrics["finite"]
    assert int(after.step) == 1
    same = jax.tree.map(np.array_equal, before.replace(step=0), after.replace(step=0))
    assert all(jax.tree.leaves(same))


def test_every_parameter_gets_a_gradient_and_statistics_move():
    state, _ = run(make_task(), "capture", 8, "shard_map")
    first = start(make_task(), capture())
    assert all(np.any(g != 0) for g in jax.tree.leaves(state.opt_state))
    moved = jax.tree.map(lambda a, b: np.any(a != b), state.batch_stats, first.batch_stats)
    assert all(jax.tree.leaves(moved))


class Plain(nn.Module):
    """A user's own model, with Flax's layers and no norm."""

    @nn.compact
    def __call__(self, x, train: bool = False):
        return nn.Dense(5)(x.reshape(x.shape[0], -1))


def test_a_users_own_model_trains():
    task = Classification(Plain(), (0.5,), (0.25,), Augment())
    state, metrics = run(task, "sgd", 8, "shard_map", 2)
    assert metrics["finite"]
    assert state.batch_stats == {}
