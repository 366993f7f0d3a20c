"""The optax chain: clipping, optimizer, weight decay where it belongs, learning rate."""

from collections.abc import Callable
from typing import Any

import jax
import optax

from train.config import Optim
from train.muon import scale_by_muon
from train.transfer import Transfer


def decayed(params: Any) -> Any:
    """Say which parameters decay: kernels do, biases and the scales of norms (rank 1) do not."""
    return jax.tree.map(lambda p: p.ndim > 1, params)


def make_core(config: Optim) -> optax.GradientTransformation:
    """Return the direction of a step, without its learning rate.

    Kernels alone decay and are rescaled to their norm (lars, lamb), as their papers' code does.
    The momentum of sgd and lars is taken before the learning rate, as in PyTorch; in the papers
    after it, which differs only while the rate changes.
    """
    first, second = config.momentum, config.beta2
    decay = optax.add_decayed_weights(config.weight_decay, decayed)
    momentum = optax.trace(first, nesterov=config.nesterov)
    adam = optax.scale_by_adam(b1=first, b2=second)
    trust = optax.masked(optax.scale_by_trust_ratio(trust_coefficient=config.trust), decayed)
    makers: dict[str, Callable[[], optax.GradientTransformation]] = {
        "sgd": lambda: optax.chain(decay, momentum),
        "adamw": lambda: optax.chain(adam, decay),
        "lars": lambda: optax.chain(decay, trust, optax.trace(first)),
        "lamb": lambda: optax.chain(
            # The papers' epsilon: gradients of a well-trained network are small.
            optax.scale_by_adam(b1=first, b2=second, eps=1e-6),
            decay,
            optax.masked(optax.scale_by_trust_ratio(), decayed),
        ),
        "muon": lambda: optax.chain(
            scale_by_muon(adam, beta=first, nesterov=config.nesterov), decay
        ),
    }
    return makers[config.name]()


def make_optimizer(
    config: Optim, schedule: optax.Schedule, transfer: Transfer | None = None
) -> optax.GradientTransformation:
    """Return the whole chain.

    The learning rate comes last: it is that of the run, whenever a parameter begins to train.
    """
    core = (transfer or Transfer()).optimizer(make_core(config))
    clip = [optax.clip_by_global_norm(config.clip)] if config.clip else []
    return optax.chain(*clip, core, optax.scale_by_learning_rate(schedule))


def rate_of(schedule: optax.Schedule) -> Callable[[optax.OptState], jax.Array]:
    """Return the learning rate by the state of `make_optimizer`'s chain.

    Its count is that of the updates: a skipped step does not move the schedule.
    """
    return lambda opt_state: schedule(opt_state[-1].count)  # type: ignore[index]
