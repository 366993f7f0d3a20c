"""The running average of a network, batch statistics included."""

from typing import Any

import jax
import jax.numpy as jnp

from train.state import TrainState


def averaged(decay: float, state: TrainState) -> TrainState:
    """Return the state after a step with its average moved on; the same where there is none.

    `e += (1 - d) (v - e)` with `d = min(decay, (1 + t) / (10 + t))`: the first steps, far from
    the end, are forgotten quickly.
    """
    if not decay:
        return state
    step = state.step.astype(jnp.result_type(float))
    share = 1 - jnp.minimum(decay, (1 + step) / (10 + step))

    def move(average: Any, value: Any) -> Any:
        return average + share.astype(average.dtype) * (value - average)

    now = {"params": state.params, "batch_stats": state.batch_stats}
    return state.replace(ema=jax.tree.map(move, state.ema, now))
