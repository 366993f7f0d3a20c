"""A trace of chosen steps, for TensorBoard's profiler or Perfetto."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from train.errors import UserError
from train.log import say

Step = Callable[[Any, Any, int], tuple[Any, Any]]


def profiled(step: Step, steps: tuple[int, ...], total: int, folder: Path) -> Step:
    """Return the step, which writes a trace of the steps from the first number to the second.

    Args:
        step: Takes the step of a given number, counted from 1.
        steps: First and last step to trace; empty leaves the step as it is.
        total: Steps of the run.
        folder: Where the trace goes.
    """
    if not steps:
        return step
    if len(steps) != 2 or not 1 <= steps[0] <= steps[1] <= total:
        raise UserError(
            f"--log.profile {' '.join(map(str, steps))}: give the first and the last step to "
            f"trace, within 1 and {total:,}; the first step compiles"
        )
    first, last = steps

    def run(state: Any, batch: Any, number: int) -> tuple[Any, Any]:
        if number == first:
            jax.profiler.start_trace(folder)
        out = step(state, batch, number)
        if number == last:
            jax.block_until_ready(out)
            jax.profiler.stop_trace()
            say(f"trace of steps {first} to {last} in {folder}: open it with tensorboard or xprof")
        return out

    return run
