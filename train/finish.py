"""What a finished run leaves: the test figures, the final variables, the report, the summary."""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from train.config import to_json
from train.data import Source
from train.hosts import Job
from train.log import MetricsLog, read_metrics, say
from train.memory import peak_mb
from train.pixel_evaluation import PixelEvaluation, scores
from train.processes import to_host
from train.report import environment, write_pixel_report, write_report
from train.report.overlays import Labelled, Show
from train.rundir import write_atomically, write_final
from train.setup import Setup
from train.state import TrainState


def finish(
    name: str, setup: Setup, state: TrainState, directory: Path, seconds: float, job: Job
) -> dict[str, Any]:
    """Evaluate the test split once, with the final parameters, and write what stays.

    `summary.json` comes last: where it lies, everything else is whole. Of several processes the
    first one writes, and the others return nothing.
    """
    result = setup.evaluator()(state, setup.splits.test, lambda count: job.mark("testing"))
    state = to_host(state)
    for skipped in job.collect(setup.splits.skipped):
        setup.splits.skipped.update(skipped)
    if not job.first:
        return {}
    summary = summarize(name, setup, state, result, seconds)
    step, events = int(state.step), setup.config.log.tensorboard
    with MetricsLog(directory, tensorboard=events, resume_step=step) as log:
        log.write({"step": step, "split": "test", **summary["test"]})
    write_final(directory / "final.npz", state)
    if setup.config.log.report:
        say("writing the report")
        told = {
            "history": read_metrics(directory),
            "class_names": setup.splits.class_names,
            "config_json": to_json(setup.config),
            "environment": environment(),
            "summary": summary,
        }
        if isinstance(result, PixelEvaluation):
            show = labelled(setup, state.variables, result)
            write_pixel_report(directory, evaluation=result, show=show, **told)
        else:
            images = Images(setup.splits.test)
            write_report(directory, evaluation=result, test_images=images, **told)
    write_atomically(directory / "summary.json", json.dumps(summary, indent=2, allow_nan=False))
    return summary


def summarize(
    name: str, setup: Setup, state: TrainState, result: Any, seconds: float
) -> dict[str, Any]:
    """Return the figures of a finished run."""
    figures = {"loss": result.loss, **result.scores}
    # JSON has no infinity.
    test = {name: v if math.isfinite(v) else None for name, v in figures.items()}
    test["count"] = result.count
    return {
        "config": name,
        "model": setup.config.model.name,
        "parameters": sum(p.size for p in jax.tree.leaves(state.params)),
        "steps": int(state.step),
        "steps_per_epoch": setup.steps_per_epoch,
        "state_sha256": digest(state),
        "test": test,
        "train_seconds": round(seconds, 2),
        "peak_memory_mb": round(peak_mb()),
        "skipped": setup.splits.skipped,
    }


def labelled(setup: Setup, variables: Any, evaluation: PixelEvaluation) -> Show:
    """Return what shows some rows of an evaluation of the test split with their masks."""
    source = setup.splits.test
    batch_size = max(1, setup.config.data.eval_batch_size // setup.mesh.size)

    def show(rows: Sequence[int]) -> list[Labelled]:
        positions = evaluation.indices[list(rows)]
        wanted = np.resize(positions, -(-len(rows) // batch_size) * batch_size)
        found = source.gather(wanted)
        said = []
        for start in range(0, len(wanted), batch_size):
            part = slice(start, start + batch_size)
            batch = {"image": found.images[part], "label": found.labels[part]}
            said.append(np.asarray(setup.label_pixels(variables, batch)))
        classes = np.concatenate(said)
        return [
            Labelled(
                int(position),
                found.images[i],
                found.labels[i],
                classes[i],
                scores(evaluation.confusions[row])["miou"],
            )
            for i, (row, position) in enumerate(zip(rows, positions, strict=True))
        ]

    return show


def digest(state: TrainState) -> str:
    """Return a hash of every number of the state, by which two runs can be compared exactly."""
    total = hashlib.sha256()
    for leaf in jax.tree.leaves(jax.device_get(state)):
        total.update(np.ascontiguousarray(leaf).tobytes())
    return total.hexdigest()


class Images:
    """The images of a source by their position."""

    def __init__(self, source: Source):
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, i: int) -> np.ndarray:
        return self._source[i]["image"]
