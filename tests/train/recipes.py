"""Tiny networks and steps with which the switches of a recipe are tried."""

import dataclasses
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxcnn import layers
from train import parallel
from train.config import Augment, Loss
from train.state import TrainState
from train.step import make_train_step
from train.tasks import Classification

BATCH, CLASSES, SHAPE = 32, 5, (8, 8, 3)


class Tiny(nn.Module):
    """A convolution, a norm, dropout, a last layer, and an auxiliary head where it is asked for."""

    norm: Any = layers.BatchNormConfig(axis_name=parallel.AXIS)
    aux: bool = False
    dropout: float = 0.0
    features: int = 4
    num_classes: int = CLASSES

    @nn.compact
    def __call__(self, x, train: bool = False):
        x = layers.Conv(self.features, (3, 3), strides=2, use_bias=not self.norm, name="stem")(x)
        if self.norm:
            x = self.norm(use_running_average=not train, name="norm")(x)
        x = nn.relu(x)
        if self.aux and (train or self.is_initializing()):
            self.sow("aux", "logits", nn.Dense(CLASSES, name="aux")(x.mean((1, 2))))
        if self.dropout:
            x = layers.Dropout(self.dropout)(x, deterministic=not train)
        return nn.Dense(CLASSES, name="head")(x.mean((1, 2)))


TINY = Tiny()


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a row of the table switches on."""

    augment: Augment = Augment()
    loss: Loss = dataclasses.field(default_factory=Loss, hash=False)
    model: Tiny = TINY
    step: tuple[tuple[str, Any], ...] = ()
    """Options of `make_train_step`."""
    size: int = 0
    remat: str = "none"
    teacher: bool = False

    def task(self) -> Classification:
        teacher = TINY.clone(norm=None) if self.teacher else None
        options = {"loss": self.loss, "size": self.size, "remat": self.remat, "teacher": teacher}
        return Classification(self.model, (0.5,), (0.25,), self.augment, **options)


def make_batch(size: int = BATCH) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        "image": draw.integers(0, 256, (size, *SHAPE), np.uint8),
        "label": draw.integers(0, CLASSES, size, np.int32),
        "mask": np.arange(size) != 3,
    }


def capture() -> optax.GradientTransformation:
    """An optimizer that changes nothing and keeps the gradient as its state."""
    return optax.GradientTransformation(
        lambda params: jax.tree.map(jnp.zeros_like, params),
        lambda grads, state, params=None: (jax.tree.map(jnp.zeros_like, grads), grads),
    )


def first_state(model: nn.Module, optimizer=None, ema: bool = False, shape=SHAPE) -> TrainState:
    variables = jax.jit(model.init)(
        jax.random.key(1), jnp.zeros((1, *shape), jnp.result_type(float))
    )
    variables = jax.tree.map(lambda x: x.astype(jnp.result_type(float)), variables)
    params, stats = variables["params"], variables.get("batch_stats", {})
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        batch_stats=stats,
        opt_state=(optimizer or capture()).init(params),
        key_data=jax.random.key_data(jax.random.key(2)),
        ema={"params": params, "batch_stats": stats} if ema else {},
    )


QUICK = {"xla_backend_optimization_level": 0}


def run(recipe: Recipe, devices: int, compiler_options: dict[str, Any] | None = QUICK):
    """The state and metrics after a step, with the gradients as the optimizer's state."""
    options = dict(recipe.step)
    step = make_train_step(recipe.task(), capture(), **options)
    mesh = parallel.make_mesh(devices)
    constants = ()
    if recipe.teacher:
        shape = jnp.zeros((1, *SHAPE), jnp.result_type(float))
        taught = TINY.clone(norm=None).init(jax.random.key(3), shape)
        constants = (parallel.replicate(taught, mesh),)
    spread = parallel.spread_train(step, mesh, "shard_map", constants=len(constants))
    state = first_state(recipe.model, ema="ema" in options)
    state = parallel.replicate(jax.tree.map(np.array, state), mesh)  # donation must not take it
    batch = parallel.shard(make_batch(BATCH // recipe.augment.repeats), mesh, "shard_map")
    lowered = spread.lower(state, batch, *constants)
    program = lowered.compile(compiler_options=compiler_options)
    return jax.device_get(program(state, batch, *constants))


@functools.cache
def cached(recipe: Recipe, devices: int, double: bool):
    return run(recipe, devices)


def distance(a: Any, b: Any) -> float:
    """The relative L2 distance of two trees."""
    a, b = (np.concatenate([np.ravel(x) for x in jax.tree.leaves(tree)]) for tree in (a, b))
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def grads(recipe: Recipe, devices: int = 1):
    return cached(recipe, devices, jax.config.jax_enable_x64)[0].opt_state
