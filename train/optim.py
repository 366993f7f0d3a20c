"""The optax chain: optimizer, schedule, and weight decay where it belongs."""

import jax
import optax

from train.config import Optim, to_steps
from train.transfer import Transfer


def make_schedule(
    config: Optim, total_steps: int, steps_per_epoch: int, batch_size: int
) -> optax.Schedule:
    """Return the learning rate as a function of the step: linear warm-up, then the shape."""
    warmup = min(to_steps(config.warmup, steps_per_epoch, batch_size), total_steps)
    rest = max(total_steps - warmup, 1)
    peak = config.learning_rate
    after = {
        "cosine": optax.cosine_decay_schedule(peak, rest),
        "constant": optax.constant_schedule(peak),
    }[config.schedule]
    if warmup == 0:
        return after
    return optax.join_schedules([optax.linear_schedule(0.0, peak, warmup), after], [warmup])


def decayed(params):
    """Say which parameters decay: kernels do, biases and the scales of norms (rank 1) do not."""
    return jax.tree.map(lambda p: p.ndim > 1, params)


def make_optimizer(
    config: Optim, schedule: optax.Schedule, transfer: Transfer | None = None
) -> optax.GradientTransformation:
    """Return SGD with Nesterov momentum and L2, or AdamW with decoupled decay.

    The learning rate comes last: it is that of the run, whenever a parameter begins to train.
    """
    decay = optax.add_decayed_weights(config.weight_decay, decayed)
    core = {
        "adamw": optax.chain(optax.scale_by_adam(b1=config.momentum), decay),
        "sgd": optax.chain(decay, optax.trace(config.momentum, nesterov=True)),
    }[config.name]
    core = (transfer or Transfer()).optimizer(core)
    return optax.chain(core, optax.scale_by_learning_rate(schedule))
