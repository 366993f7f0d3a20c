"""`--find-lr`: the loss while the learning rate rises from step to step, and a suggestion.

Smith 2017, "Cyclical learning rates for training neural networks", section 3.3. The learning rate
with which the smoothed loss falls fastest is suggested: a peak for a schedule with warm-up.
"""

import contextlib
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from rich.console import Console

from train.config import Config
from train.errors import UserError
from train.optim import make_optimizer
from train.report.curves import smooth
from train.report.theme import LIGHT, dress, figure, png
from train.run import open_batches
from train.rundir import write_atomically
from train.setup import Setup, prepare

STEPS = 100
LOW, HIGH = 1e-6, 10.0
"""Learning rates of the first step and of the last."""
SPAN = 8
"""Steps over which the loss is smoothed."""
DIVERGED = 4.0
"""The test ends when the smoothed loss is so many times its lowest."""


def find_rate(config: Config, output: Path) -> dict[str, Any]:
    """Run the test, draw it, and return its points and the suggestion.

    Args:
        config: The run; its schedule, warm-up and running average play no part.
        output: PNG file of the picture.
    """
    optim = dataclasses.replace(config.optim, ema=0.0)
    setup = prepare(dataclasses.replace(config, optim=optim))
    schedule = optax.exponential_decay(LOW, STEPS - 1, HIGH / LOW)
    optimizer = make_optimizer(optim, schedule, setup.task.transfer)
    setup = dataclasses.replace(setup, schedule=schedule, optimizer=optimizer)
    rates, losses = climb(setup)
    best = suggestion(rates, losses)
    write_atomically(output, draw(rates, losses, best))
    return {"suggestion": best, "rates": rates, "losses": losses, "picture": str(output)}


def climb(setup: Setup) -> tuple[list[float], list[float]]:
    """Return learning rates and losses, until the loss is beyond recovery."""
    state, step, rates, losses = setup.initial_state(), setup.train_step(), [], []
    lowest, console = math.inf, Console(stderr=True)
    with contextlib.closing(open_batches(setup)) as batches, console.status("compiling") as status:
        for number in range(1, STEPS + 1):
            rate = float(jnp.asarray(setup.schedule(number - 1)))
            state, metrics = step(state, setup.place(next(batches)), number)
            loss = float(metrics["loss"]) / max(float(metrics["count"]), 1.0)
            status.update(f"learning rate {rate:.1e}, loss {loss:.3f} ({number}/{STEPS})")
            if not metrics["finite"]:
                break
            rates.append(rate)
            losses.append(loss)
            now = smooth(np.array(losses), SPAN)[-1]
            lowest = min(lowest, now)
            if now > DIVERGED * lowest:
                break
    return rates, losses


def suggestion(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Return the learning rate at which the smoothed loss falls fastest, before its lowest point.

    >>> rates = np.geomspace(1e-4, 1, 41)
    >>> losses = 2 - 1.9 / (1 + np.exp(-8 * (np.log10(rates) + 2)))
    >>> 0.005 < suggestion(rates, losses) < 0.05
    True
    """
    smoothed = smooth(np.asarray(losses), SPAN)
    end = int(np.argmin(smoothed)) + 1
    if end < 5:
        raise UserError(
            f"the loss never falls: it is {losses[0]:.3g} at a learning rate of {rates[0]:.1g}; "
            "look at the labels, --data.mean and --data.std"
        )
    slope = np.gradient(smoothed[:end], np.log(np.asarray(rates[:end])))
    return float(f"{rates[int(np.argmin(slope))]:.1e}")


def draw(rates: Sequence[float], losses: Sequence[float], best: float) -> bytes:
    """Return the picture: the loss over the learning rate, and the suggestion."""
    made = figure(6.4, 4.0, LIGHT)
    axes = made.subplots()
    dress(axes, LIGHT, "Loss (nats) while the learning rate rises")
    axes.plot(rates, losses, color=LIGHT.train, alpha=0.3, linewidth=1)
    smoothed = smooth(np.array(losses), SPAN)
    axes.plot(rates, smoothed, color=LIGHT.train, linewidth=2)
    axes.axvline(best, color=LIGHT.val, linewidth=1.5)
    place = axes.get_xaxis_transform()
    axes.text(best, 0.96, f" {best:.1e}", color=LIGHT.val, va="top", transform=place)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate", color=LIGHT.muted, fontsize=9)
    axes.set_ylim(0, 1.2 * max(smoothed[: int(np.argmin(smoothed)) + 1]))
    return png(made)
