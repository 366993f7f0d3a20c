"""The learning rate by the step: how high, and in what shape."""

import math

import optax

from train.config import Optim, to_steps
from train.errors import UserError


def peak_rate(config: Optim, batch_size: int) -> float:
    """Return the highest learning rate for a whole batch, by the rule of the config.

    >>> peak_rate(Optim(learning_rate=0.1, batch_rule="linear", base_batch=256), 1024)
    0.4
    """
    share = batch_size / config.base_batch
    factor = {"fixed": 1.0, "linear": share, "sqrt": math.sqrt(share)}[config.batch_rule]
    return config.learning_rate * factor


def make_schedule(
    config: Optim, total_steps: int, steps_per_epoch: int, batch_size: int
) -> optax.Schedule:
    """Return the learning rate as a function of the step: the warm-up, then the shape."""
    warmup = min(to_steps(config.warmup, steps_per_epoch, batch_size), total_steps)
    rest, peak = max(total_steps - warmup, 1), peak_rate(config, batch_size)
    end, name = config.final_rate, config.schedule
    if name == "one_cycle":
        rise = max(warmup, 1) / total_steps
        return optax.cosine_onecycle_schedule(total_steps, peak, min(rise, 1 - 1e-6))
    if name == "step":
        after = falling(config, warmup, peak, total_steps, steps_per_epoch, batch_size)
    elif name == "cosine":
        after = optax.cosine_decay_schedule(peak, rest, end)
    elif name == "constant":
        after = optax.constant_schedule(peak)
    else:
        power = config.power if name == "poly" else 1.0
        after = optax.polynomial_schedule(peak, peak * end, power, rest)
    if warmup == 0:
        return after
    return optax.join_schedules([optax.linear_schedule(0.0, peak, warmup), after], [warmup])


def falling(
    config: Optim, warmup: int, peak: float, total: int, steps_per_epoch: int, batch_size: int
) -> optax.Schedule:
    """Return a constant that falls at the milestones; it is told steps after the warm-up."""
    steps = [to_steps(text, steps_per_epoch, batch_size) for text in config.milestones]
    if not steps or steps != sorted(set(steps)) or steps[0] < warmup or steps[-1] >= total:
        raise UserError(
            f"--optim.milestones fall on steps {steps} of {total}; --optim.schedule step needs "
            f"some, ascending, after the warm-up of {warmup} steps and before the end"
        )
    return optax.piecewise_constant_schedule(
        peak, {step - warmup: config.step_factor for step in steps}
    )
