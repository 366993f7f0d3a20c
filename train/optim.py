"""The optax chain: optimizer, schedule, and weight decay where it belongs."""

import jax
import optax

from train.config import Optim, to_steps


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


def make_optimizer(config: Optim, schedule: optax.Schedule) -> optax.GradientTransformation:
    """Return SGD with Nesterov momentum and L2, or AdamW with decoupled decay."""
    if config.name == "adamw":
        return optax.adamw(
            schedule, b1=config.momentum, weight_decay=config.weight_decay, mask=decayed
        )
    return optax.chain(
        optax.add_decayed_weights(config.weight_decay, decayed),
        optax.sgd(schedule, momentum=config.momentum, nesterov=True),
    )
