"""One training step: pure, for one device's share of the batch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxcnn import augment, layers
from train.parallel import AXIS
from train.state import TrainState
from train.tasks import Batch, Classification

Metrics = dict[str, jax.Array]
TrainStep = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]


def make_train_step(task: Classification, optimizer: optax.GradientTransformation) -> TrainStep:
    """Return `step(state, batch) -> (state, metrics)` for one device's share of the batch.

    The metrics are sums over the whole batch: `loss`, `top1`, `top5`, `count`; and `finite`,
    1 where the step was taken. Each device differentiates the sum of its own losses; one
    psum of gradients, sums and statistics then makes the devices agree.
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        index = global_indices(batch)
        augment_key, dropout_key = jax.random.split(state.key)
        keys = augment.example_keys(augment_key, state.step, index)
        dropout_key = jax.random.fold_in(dropout_key, state.step)
        rngs = {"dropout": layers.per_example(dropout_key, index)}

        def loss(params):
            variables = {"params": params, "batch_stats": state.batch_stats}
            return task.train_loss(variables, batch, keys, rngs, state.step)

        grads, (sums, batch_stats) = jax.grad(loss, has_aux=True)(state.params)
        grads, sums, batch_stats = combine(grads, sums, batch_stats)
        return advance(state, optimizer, grads, sums, batch_stats)

    return step


def global_indices(batch: Batch) -> jax.Array:
    """Return the positions of this device's examples in the whole batch, int32 (b,)."""
    size = batch["label"].shape[0]
    return lax.axis_index(AXIS) * size + jnp.arange(size)


def combine(grads: Any, sums: Metrics, batch_stats: Any) -> tuple[Any, Metrics, Any]:
    """Return mean gradients, global sums and mean statistics, all in one collective.

    Synchronised statistics are equal everywhere, so their mean changes nothing; local ones
    become the average that evaluation uses.
    """
    grads, sums, batch_stats = lax.psum((grads, sums, batch_stats), AXIS)
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
    kept = jax.tree.map(lambda a, b: jnp.where(finite, a, b), new, state)
    metrics = {**sums, "grad_norm": norm, "finite": finite}
    return kept.replace(step=state.step + 1), metrics
