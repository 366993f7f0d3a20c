"""`--dry-run`: what a run would do, without a step of it: shapes, memory, steps, learning rate."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxcnn
from train.config import Config
from train.network import input_shape
from train.setup import Setup, prepare
from train.state import TrainState

BARS = " ▁▂▃▄▅▆▇█"


def dry_run(config: Config) -> dict[str, Any]:
    """Return what the config would do; data are opened, nothing is compiled."""
    setup = prepare(config)
    splits, data = setup.splits, config.data
    per_device = data.batch_size // setup.mesh.size
    shape = (per_device, *input_shape(setup.task.model, splits))
    found = jaxcnn.summary(setup.task.model, shape)
    state = jax.eval_shape(setup.initial_state)
    return {
        "model": config.model.name,
        "data": data.source,
        "examples": {
            name: len(part) if (part := getattr(splits, name)) is not None else 0
            for name in ("train", "val", "test")
        },
        "classes": splits.num_classes,
        "devices": setup.mesh.size,
        "batch": (data.batch_size, *splits.image_shape),
        "batch_per_device": shape,
        "parameters": found.total_params,
        "multiply_adds_per_image": found.total_macs // per_device,
        "memory_mb": {k: v and v / 1e6 for k, v in memory(state, found.training_bytes).items()},
        "steps": setup.every.total,
        "steps_per_epoch": setup.steps_per_epoch,
        "every": dataclasses.asdict(setup.every),
        "learning_rate": rates(setup),
    }


def memory(state: TrainState, activations: int | None) -> dict[str, int | None]:
    """Return bytes on each device: the state, the gradients, and what the backward pass needs."""
    params, opt, stats = map(_bytes, (state.params, state.opt_state, state.batch_stats))
    parts = {
        "parameters": params,
        "gradients": params,
        "optimizer": opt,
        "statistics": stats,
        "activations": activations,
    }
    return parts | {"total": None if activations is None else sum(v or 0 for v in parts.values())}


def rates(setup: Setup, points: int = 60) -> list[tuple[int, float]]:
    """Return the learning rate at steps all over the run."""
    steps = np.unique(np.linspace(0, setup.every.total - 1, points).astype(int))
    return [(int(step), float(jnp.asarray(setup.schedule(step)))) for step in steps]


def describe(found: dict[str, Any]) -> str:
    """Return the result as text for people."""
    counts = ", ".join(f"{count:,} {name}" for name, count in found["examples"].items())
    values = [rate for _, rate in found["learning_rate"]]
    sizes = {
        name: "unknown" if value is None else f"{value:,.1f} MB"
        for name, value in found["memory_mb"].items()
    }
    lines = [
        f"{found['model']} on {found['data']}: {found['classes']} classes, {counts}",
        f"batch {found['batch']}, on each of {found['devices']} device(s) "
        f"{found['batch_per_device']}",
        f"{found['parameters']:,} parameters, {found['multiply_adds_per_image']:,} multiply-adds "
        "per image",
        f"{found['steps']:,} steps, {found['steps_per_epoch']:,} an epoch; every "
        + ", ".join(f"{n:,} {name}" for name, n in found["every"].items() if name != "total"),
        "memory per device, estimated: " + ", ".join(f"{k} {v}" for k, v in sizes.items()),
        f"learning rate, at most {max(values):g}: |{sparkline(values)}|",
    ]
    return "\n".join(lines)


def sparkline(values: list[float]) -> str:
    """Draw values from 0 to their largest as a line of text.

    >>> sparkline([0.0, 0.5, 1.0])
    ' ▄█'
    """
    top = max(values) or 1.0
    return "".join(BARS[round(value / top * (len(BARS) - 1))] for value in values)


def _bytes(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
