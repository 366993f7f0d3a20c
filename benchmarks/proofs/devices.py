"""Eight devices compute what one computes: a reduced model of each family, each recipe switch.

One training step in float64, compiled as users compile it; gradients, running statistics and the
loss are compared. The norms take their statistics over all devices.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.table import show
from jaxcnn import create_model
from tests.models.reduced import REDUCED, Reduced
from tests.train import recipes
from tests.train.test_recipes import SAME, SWITCHES
from train import parallel
from train.config import Augment, Loss
from train.network import synchronised
from train.segmentation import Segmentation
from train.step import make_train_step
from train.tasks import Classification

BATCH, DEVICES, LIMIT = 16, 8, 1e-12
ALL = {"axis_name": parallel.AXIS, "axis_index_groups": None}


def run(count: int) -> dict[str, Any]:
    cases: dict[str, Callable[[int], Any]] = {
        f"family {name}": lambda n, row=row: of_family(row, n) for name, row in REDUCED.items()
    }
    cases |= {
        f"switch {name}": lambda n, recipe=recipe: recipes.run(recipe, n, None)
        for name, recipe in {**SWITCHES, **SAME}.items()
    }
    jax.config.update("jax_num_cpu_devices", DEVICES)
    rows = []
    with jax.enable_x64(True):
        for name in list(cases)[: count or None]:
            rows.append({"case": name, **compare(cases[name])})
            print(rows[-1], flush=True)
            jax.clear_caches()
    show([["case", "gradients", "statistics", "loss"], *[list(row.values())[:4] for row in rows]])
    return {"rows": rows, "failures": [row for row in rows if not good(row)]}


def good(row: dict[str, Any]) -> bool:
    """Say whether one row proves what it should."""
    return all(row[name] <= LIMIT for name in ("gradients", "statistics", "loss"))


def compare(case: Callable[[int], Any]) -> dict[str, Any]:
    """Return the distances of a step on eight devices to the same step on one."""
    start = time.time()
    (one, sums), (many, other) = case(1), case(DEVICES)
    return {
        "gradients": recipes.distance(many.opt_state, one.opt_state),
        "statistics": recipes.distance(many.batch_stats, one.batch_stats)
        if jax.tree.leaves(one.batch_stats)
        else 0.0,
        "loss": float(abs(other["loss"] - sums["loss"]) / abs(sums["loss"])),
        "seconds": round(time.time() - start, 1),
    }


def of_family(row: Reduced, devices: int) -> Any:
    """Return the state, gradients as the optimizer's, and the metrics after a step."""
    fields = {"num_classes": recipes.CLASSES, "dtype": jnp.float64, **row.fields}
    model = synchronised(create_model(row.name, **fields), ALL)
    pixels = row.name.startswith("unet")
    task = (Segmentation if pixels else Classification)(
        model, (0.5,), (0.25,), Augment(flip=not pixels), Loss()
    )
    mesh = parallel.make_mesh(devices)
    step = parallel.spread_train(make_train_step(task, recipes.capture()), mesh, "shard_map")
    state = recipes.first_state(model, shape=row.shape)
    state = parallel.replicate(jax.tree.map(np.array, state), mesh)
    batch = parallel.shard(make_batch(task, row.shape), mesh, "shard_map")
    return jax.device_get(step(state, batch))


def make_batch(task: Any, shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """Return images of noise with labels of the task, one of them masked."""
    draw = np.random.default_rng(0)
    image = draw.integers(0, 256, (BATCH, *shape), np.uint8)
    variables = jax.eval_shape(task.model.init, jax.random.key(0), jnp.zeros((1, *shape)))
    logits = jax.eval_shape(task.model.apply, variables, jnp.zeros((BATCH, *shape)))
    label = draw.integers(0, recipes.CLASSES, logits.shape[:-1], np.int32)
    return {"image": image, "label": label, "mask": np.arange(BATCH) != 3}
