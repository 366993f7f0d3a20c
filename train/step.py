"""One training step: pure, for one device's share of the batch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxcnn import augment, layers
from jaxcnn.typing import Dtype
from train.accumulate import accumulated
from train.ema import averaged
from train.make_task import Task
from train.parallel import AXIS
from train.state import TrainState
from train.tasks import Batch

Metrics = dict[str, jax.Array]
TrainStep = Callable[..., tuple[TrainState, Metrics]]
Found = tuple[Any, Metrics, Any]
"""Gradients, sums of metrics, new statistics."""


def make_train_step(
    task: Task,
    optimizer: optax.GradientTransformation,
    *,
    rate: Callable[[optax.OptState], jax.Array] | None = None,
    parts: int = 1,
    ema: float = 0.0,
    reduce: Dtype = None,
) -> TrainStep:
    """Return `step(state, batch, teacher={}) -> (state, metrics)` for one device's share.

    The metrics are the task's sums over the whole batch, such as `loss`, `top1`, `top5` and
    `count`; `grad_norm`; and `finite`, 1 where the step was taken. Each device differentiates the
    sum of its own losses; one psum of gradients, sums and statistics then makes them agree.

    Args:
        task: What is minimised.
        optimizer: What becomes of the mean gradients.
        rate: The learning rate by the optimizer's state, for the metric `learning_rate`.
        parts: In how many parts the share is computed, one after the other.
        ema: Decay of the running average; 0 keeps none.
        reduce: Type in which gradients travel between devices; None is their own.
    """
    return composed(make_gradients(task, parts, reduce), make_update(optimizer, rate, ema))


def composed(gradients: Callable[..., Found], update: TrainStep) -> TrainStep:
    """Return the whole step, for one device's share of the batch."""

    def step(state: TrainState, batch: Batch, teacher: Any = None) -> tuple[TrainState, Metrics]:
        return update(state, *gradients(state, batch, teacher))

    return step


def make_gradients(task: Task, parts: int = 1, reduce: Dtype = None) -> Callable[..., Found]:
    """Return `(state, batch, teacher) -> (mean gradients, sums, statistics)`, for one device."""

    def gradients(state: TrainState, batch: Batch, teacher: Any = None) -> Found:
        batch = task.repeat(batch)
        index = global_indices(batch)
        augment_key, dropout_key = jax.random.split(state.key)
        keys = augment.example_keys(augment_key, state.step, index)
        dropout_key = jax.random.fold_in(dropout_key, state.step)
        batch = task.draw(batch, augment_key, state.step, keys)

        def of(batch_stats: Any, batch: Batch, index: jax.Array) -> Found:
            def loss(params: Any):
                variables = {"params": params, "batch_stats": batch_stats}
                rngs = {"dropout": layers.per_example(dropout_key, index)}
                return task.train_loss(variables, batch, rngs, state.step, teacher)

            grads, (sums, batch_stats) = jax.grad(loss, has_aux=True)(state.params)
            return grads, sums, batch_stats

        return combine(*accumulated(of, parts, state.batch_stats, batch, index), reduce)

    return gradients


def make_update(
    optimizer: optax.GradientTransformation,
    rate: Callable[[optax.OptState], jax.Array] | None = None,
    ema: float = 0.0,
) -> TrainStep:
    """Return `(state, mean gradients, sums, statistics) -> (state, metrics)`, for all devices."""

    def update(
        state: TrainState, grads: Any, sums: Metrics, batch_stats: Any
    ) -> tuple[TrainState, Metrics]:
        average = partial(averaged, ema)
        new, metrics = advance(state, optimizer, grads, sums, batch_stats, average)
        return new, metrics | ({"learning_rate": rate(state.opt_state)} if rate else {})

    return update


def global_indices(batch: Batch) -> jax.Array:
    """Return the positions of this device's examples in the whole batch, int32 (b,)."""
    size = batch["label"].shape[0]
    return lax.axis_index(AXIS) * size + jnp.arange(size)


def combine(
    grads: Any, sums: Metrics, batch_stats: Any, reduce: Dtype = None
) -> tuple[Any, Metrics, Any]:
    """Return mean gradients, global sums and mean statistics, all in one collective.

    Synchronised statistics are equal everywhere, so their mean changes nothing; local ones
    become the average that evaluation uses.
    """
    kinds = jax.tree.map(lambda g: g.dtype, grads)
    grads = jax.tree.map(lambda g: g.astype(reduce or g.dtype), grads)
    grads, sums, batch_stats = lax.psum((grads, sums, batch_stats), AXIS)
    grads = jax.tree.map(lambda g, kind: g.astype(kind), grads, kinds)
    devices = lax.axis_size(AXIS)
    count = jnp.maximum(sums["count"], 1)
    return (
        jax.tree.map(lambda g: g / count.astype(g.dtype), grads),
        sums,
        jax.tree.map(lambda s: s / devices, batch_stats),
    )


def advance(
    state: TrainState,
    optimizer: optax.GradientTransformation,
    grads: Any,
    sums: Metrics,
    batch_stats: Any,
    average: Callable[[TrainState], TrainState] = lambda state: state,
) -> tuple[TrainState, Metrics]:
    """Apply the gradients; a step with a non-finite number changes nothing but its count."""
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    new = state.replace(
        params=optax.apply_updates(state.params, updates),
        opt_state=opt_state,
        batch_stats=batch_stats,
    )
    norm = optax.tree.norm(grads)
    result = optax.tree.norm((new.params, new.batch_stats))
    finite = jnp.isfinite(norm) & jnp.isfinite(sums["loss"]) & jnp.isfinite(result)
    kept = jax.tree.map(lambda a, b: jnp.where(finite, a, b), average(new), state)
    metrics = {**sums, "grad_norm": norm, "finite": finite}
    return kept.replace(step=state.step + 1), metrics
