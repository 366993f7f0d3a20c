"""A training loop of a user's own: optax, one compiled step, and a learning curve."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

POINTS = 5
"""Points of a learning curve."""

Batch = tuple[np.ndarray, np.ndarray]
Apply = Callable[..., Any]
"""`apply(variables, inputs, step, key) -> (logits, new statistics)`, in training."""


@functools.cache
def make_step(apply: Apply, optimizer: optax.GradientTransformation) -> Callable[..., Any]:
    """Return the step; the learning rate is an argument, so that all trials share a program."""

    def loss(params: Any, stats: Any, batch: Batch, step: jax.Array, key: jax.Array):
        inputs, labels = batch
        variables = {"params": params, "batch_stats": stats}
        logits, stats = apply(variables, inputs, step, jax.random.fold_in(key, step))
        values = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
        return values.mean(), stats

    @jax.jit
    def run(state: Any, batch: Batch, step: jax.Array, rate: jax.Array, key: jax.Array):
        params, stats, memory = state
        (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(
            params, stats, batch, step, key
        )
        updates, memory = optimizer.update(grads, memory, params)
        updates = jax.tree.map(lambda u: -rate * u, updates)
        return (optax.apply_updates(params, updates), stats, memory), value

    return run


def descend(
    apply: Apply,
    optimizer: optax.GradientTransformation,
    variables: Any,
    batches: Callable[[int], Batch],
    *,
    steps: int,
    rate: float,
    seed: int,
    check: Callable[[Any], float] | None = None,
) -> tuple[Any, list[dict[str, float]]]:
    """Return trained variables and the learning curve; the rate falls as a cosine.

    Args:
        apply: The network in training.
        optimizer: Without its learning rate.
        variables: Where it starts.
        batches: Gives the batch of a step.
        steps: Number of steps.
        rate: The highest learning rate, after a tenth of the steps.
        seed: Of dropout and augmentation.
        check: Validation accuracy of variables, if it is to be in the curve.
    """
    step, key = make_step(apply, optimizer), jax.random.key(seed)
    schedule = optax.warmup_cosine_decay_schedule(0.0, rate, max(steps // 10, 1), steps)
    state = (variables["params"], variables["batch_stats"], optimizer.init(variables["params"]))
    curve, losses = [], []
    for i in range(steps):
        state, value = step(state, batches(i), jnp.asarray(i), jnp.asarray(schedule(i)), key)
        losses.append(value)
        if (i + 1) * POINTS // steps > i * POINTS // steps:
            point = {"step": i + 1, "loss": float(np.mean(jax.device_get(losses)))}
            found = {"params": state[0], "batch_stats": state[1]}
            curve.append(point | ({"val_top1": check(found)} if check else {}))
            losses = []
    return {"params": state[0], "batch_stats": state[1]}, curve


def epochs(indices: np.ndarray, size: int, seed: int) -> Callable[[int], np.ndarray]:
    """Return the positions of each batch: every example once, then again in another order."""
    size = min(size, len(indices))
    per_epoch = len(indices) // size

    def batch(step: int) -> np.ndarray:
        epoch, i = divmod(step, per_epoch)
        order = np.random.default_rng((seed, epoch)).permutation(indices)
        return order[i * size : (i + 1) * size]

    return batch


def in_batches(function: Callable[[Any], jax.Array], inputs: Any, size: int = 250) -> np.ndarray:
    """Apply a compiled function to many inputs, batch by batch."""
    count = len(inputs)
    found = []
    for i in range(0, count, size):
        part = inputs[i : i + size]
        rest = [(0, size - len(part))] + [(0, 0)] * (part.ndim - 1)
        found.append(np.asarray(function(np.pad(part, rest)))[: len(part)])
    return np.concatenate(found)
