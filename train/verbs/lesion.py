"""`python -m train lesion RUN`: what each residual block is worth.

A block whose shortcut is the identity is taken out, the others stay as they were trained (Veit et
al. 2016, "Residual networks behave like ensembles of relatively shallow networks", section 4.1).
Networks without shortcuts break at once; residual ones lose little.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import rich.box
import tyro
from flax import linen as nn
from rich.console import Console
from rich.progress import track
from rich.table import Table

from jaxcnn import blocks
from train.data import eval_batches
from train.errors import UserError
from train.finished import Finished, open_finished

RESIDUAL = (
    *(blocks.BasicBlock, blocks.Bottleneck, blocks.PreactBasicBlock, blocks.PreactBottleneck),
    *(blocks.InvertedResidual, blocks.FusedInvertedResidual, blocks.ConvNeXtBlock),
)
NONE = -1
"""Index of a block that does not exist: nothing is removed."""


@dataclass(frozen=True)
class Arguments:
    """Accuracy of a finished run with each residual block removed, one at a time."""

    run: Annotated[Path, tyro.conf.Positional]
    """Folder of a finished run."""
    split: Literal["val", "test"] = "val"
    """Which examples."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON."""


def main(words: Sequence[str]) -> int:
    """Measure and print."""
    arguments = tyro.cli(Arguments, prog="python -m train lesion", args=words)
    finished = open_finished(arguments.run)
    rows = lesions(finished, arguments.split)
    if arguments.json:
        print(json.dumps(rows))
        return 0
    table = Table("removed block", "top-1", "change", box=rich.box.SIMPLE)
    for row in rows:
        change = f"{100 * (row['top1'] - rows[0]['top1']):+.2f}"
        table.add_row(row["block"] or "none", f"{row['top1']:.2%}", change)
    Console().print(table)
    return 0


def lesions(finished: Finished, split: str) -> list[dict[str, Any]]:
    """Return the accuracy of the whole network, and without each of its blocks."""
    setup = finished.setup
    if setup.splits.pixels:
        raise UserError("lesions are measured by top-1, and this run labels pixels")
    source = getattr(setup.splits, split)
    if source is None:
        raise UserError(f"the run has no {split} split; choose --split test")
    paths = removable(setup.task.model, (1, *setup.splits.image_shape))
    if not paths:
        raise UserError(
            f"{setup.config.model.name} has no residual block with an identity shortcut"
        )
    data = setup.config.data
    given = {"threads": data.threads, "prefetch": data.prefetch}
    right, count = np.zeros(len(paths) + 1, int), 0
    hits = counter(setup.task, paths)
    batches = eval_batches(source, batch_size=data.eval_batch_size, **given)
    total, console = -(-len(source) // data.eval_batch_size), Console(stderr=True)
    for batch in track(batches, "batches", total=total, console=console, transient=True):
        for i in range(NONE, len(paths)):
            found = np.asarray(hits(finished.variables, batch["image"], batch["label"], i))
            right[i + 1] += found[batch["mask"]].sum()
        count += int(batch["mask"].sum())
    shares = (right / count).tolist()
    return [
        {"block": path, "top1": share, "count": count}
        for path, share in zip(["", *paths], shares, strict=True)
    ]


def counter(task: Any, paths: Sequence[str]) -> Any:
    """Return a function that tells which images are right without one block, by its index."""

    @jax.jit
    def hits(variables: Any, images: jax.Array, labels: jax.Array, removed: jax.Array) -> jax.Array:
        def intercept(run: Any, args: Any, kwargs: Any, context: Any) -> Any:
            out = run(*args, **kwargs)
            path = "/".join(context.module.path)
            if context.method_name != "__call__" or path not in paths:
                return out
            return jnp.where(removed == paths.index(path), args[0], out)  # one program for all

        with nn.intercept_methods(intercept):
            logits = task.model.apply(variables, task.prepare(images))
        return logits.argmax(-1) == labels

    return hits


def removable(model: nn.Module, shape: tuple[int, ...]) -> list[str]:
    """Return the paths of the residual blocks whose output could be their input."""
    found = []

    def intercept(run: Any, args: Any, kwargs: Any, context: Any) -> Any:
        out, module = run(*args, **kwargs), context.module
        residual = context.method_name == "__call__" and isinstance(module, RESIDUAL)
        if residual and out.shape == args[0].shape:
            found.append("/".join(module.path))
        return out

    with nn.intercept_methods(intercept):
        images = jax.ShapeDtypeStruct(shape, jnp.float32)
        jax.eval_shape(model.init, jax.random.key(0), images)
    return list(dict.fromkeys(found))
