"""One run from its config to its end; what is unfinished goes on where it was."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import rich.progress
from rich.console import Console

from train.checkpoint import CONFIG, MACHINE, Checkpoints
from train.config import Config, Loss, fingerprint, numbers, to_json
from train.data import Splits, StallMeter, TrainBatches, train_batches
from train.data.border import BorderWeights
from train.finish import finish
from train.hosts import Job, joined
from train.log import MetricsLog, say
from train.loop import Loop, Window
from train.parallel import place_like
from train.patience import Patience
from train.processes import flag_shared, from_first, meet
from train.profiling import profiled
from train.progress import Progress
from train.quiet import NoCheckpoints, NoLog
from train.report import environment
from train.rundir import finished_summary, open_directory
from train.setup import Setup, prepare
from train.signals import Signals
from train.state import TrainState
from train.validate import validate


def run(
    name: str,
    config: Config,
    directory: Path,
    *,
    fresh: bool = False,
    splits: Splits | None = None,
) -> dict[str, Any]:
    """Train, evaluate and report; return the summary that `summary.json` holds.

    Args:
        name: Name of the config, for people.
        config: What to run.
        directory: Folder of the run; what is unfinished there goes on.
        fresh: Start anew. Nothing is removed before the data are read and the model is built.
        splits: Data of a program's own (`train.data.splits_of`), instead of `config.data.source`.
    """
    validate(config)
    with joined(config.hosts) as job:
        look = job.first and not fresh
        finished = job.collect(finished_summary(directory, config) if look else None)[0]
        if finished is None:
            return begin(name, config, directory, job, fresh, splits)
        if job.first:
            say(f"{directory} holds this run, finished; --fresh starts it anew")
        return finished if job.first else {}


def begin(
    name: str, config: Config, directory: Path, job: Job, fresh: bool, splits: Splits | None
) -> dict[str, Any]:
    """Do what `run` does with a run that is not finished; only the first process writes."""
    double = config.model.dtype == "float64"
    with contextlib.ExitStack() as stack:
        stack.enter_context(jax.enable_x64(True) if double else contextlib.nullcontext())
        signals = stack.enter_context(Signals(job.announce))
        job.mark("reading the data")
        with reading() as progress:
            setup = prepare(config, progress, splits)
        job.mark("meeting the others")
        job.agree(config=fingerprint(config), data=setup.splits.fingerprint)
        if job.count > 1:
            meet(setup.mesh)
        if job.first:
            stack.enter_context(open_directory(directory, config, fresh=fresh))
            say(describe(name, setup, directory))
        state, seconds = train(setup, directory, signals, job)
        signals.unsaved = False
        job.mark("finishing")
        return finish(name, setup, state, directory, seconds, job)


@contextlib.contextmanager
def reading() -> Iterator[Callable[[int, int], None]]:
    """Show how many images are decoded, on a terminal."""
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with rich.progress.Progress(console=console, transient=True, disable=hidden) as bar:
        console.show_cursor(True)  # a signal may end the process before the bar brings it back
        task = bar.add_task("reading images", visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def describe(name: str, setup: Setup, directory: Path) -> str:
    """Return what a person wants to know before the first step."""
    splits, every = setup.splits, setup.every
    shape = "x".join(map(str, splits.image_shape))
    sizes = f"{len(splits.train):,} train, {len(splits.val or ()):,} val, {len(splits.test):,} test"
    return (
        f"{name}: {setup.config.model.name} on {setup.config.data.source}, {splits.num_classes} "
        f"classes, images {shape} ({sizes})\n"
        f"{every.total:,} steps of {setup.config.data.batch_size} images, "
        f"{setup.mesh.size} device(s), in {directory}"
    )


def train(setup: Setup, directory: Path, signals: Signals, job: Job) -> tuple[TrainState, float]:
    """Return the final state and the seconds it took, going on from the newest checkpoint."""
    config, begin = setup.config, time.perf_counter()
    with contextlib.ExitStack() as stack:
        checkpoints = NoCheckpoints()
        if job.first:
            checkpoints = stack.enter_context(open_checkpoints(setup, directory))
        batches = stack.enter_context(contextlib.closing(open_batches(setup)))
        state, host = resumed(setup, checkpoints, job)
        if "data" in host:
            batches.set_state(host["data"])
            if job.first:
                say(f"going on from step {int(state.step):,}")
        first, events = int(state.step), config.log.tensorboard
        log = NoLog()
        if job.first:
            log = stack.enter_context(MetricsLog(directory, tensorboard=events, resume_step=first))
        progress = Progress(
            setup.every.total, setup.steps_per_epoch, first_step=first, enabled=job.first
        )
        stack.enter_context(progress)
        progress.phase("compiling")
        job.mark("compiling")

        def seconds() -> float:
            return host["seconds"] + time.perf_counter() - begin

        state = Loop(
            every=setup.every,
            train_step=profiled(
                setup.train_step(), config.log.profile, setup.every.total, directory / "profile"
            ),
            task=setup.task,
            evaluate=validation(setup, signals, progress, job),
            batches=StallMeter(batches),
            place=setup.place,
            checkpoints=checkpoints,
            signals=signals,
            log=log,
            progress=progress,
            data_state=batches.get_state,
            seconds=seconds,
            batch_size=config.data.batch_size,
            bad_steps_limit=config.optim.bad_steps,
            window=Window(**host["window"]),
            patience=Patience(config.patience, **host["patience"]),
            job=job,
            share=flag_shared(setup.mesh) if job.count > 1 else None,
        ).run(state, host["eval_due"])
    if job.first and int(state.step) < setup.every.total:
        say(f"stopped early at step {int(state.step):,}: --patience {config.patience}")
    return state, seconds()


def resumed(
    setup: Setup, checkpoints: Checkpoints | NoCheckpoints, job: Job
) -> tuple[TrainState, dict[str, Any]]:
    """Return the state to go on with and the host's side of it: the newest saved, or the first."""
    state = setup.initial_state()
    job.mark("restoring")
    saved = checkpoints.restore(state)
    host = job.collect(saved[1] if saved else None)[0]
    if host is None:
        return state, {"window": {}, "patience": {}, "eval_due": False, "seconds": 0.0}
    found = saved[0] if saved else jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), state)
    if job.count > 1:
        found = from_first(found, job.first)
    return place_like(found, state), host


def open_checkpoints(setup: Setup, directory: Path) -> Checkpoints:
    """Return the checkpoints of the run, whose manifests tell what it is and what it runs on."""
    keep = setup.config.checkpoint
    return Checkpoints(
        directory / "checkpoints",
        keep_last=keep.keep_last,
        keep_best=keep.keep_best,
        bad_saves=keep.bad_saves,
        identity={
            CONFIG: numbers(json.loads(to_json(setup.config))),
            "data": setup.splits.fingerprint,
            MACHINE: environment(),
        },
    )


def open_batches(setup: Setup) -> TrainBatches:
    """Return the stream of training batches that the config describes."""
    data = setup.config.data
    return train_batches(
        setup.splits.train,
        # Every example comes several times, within the step.
        batch_size=data.batch_size // setup.config.augment.repeats,
        seed=setup.config.seed,
        remainder=data.remainder,
        threads=data.threads,
        workers=data.workers,
        prefetch=data.prefetch,
        fingerprint=setup.splits.fingerprint,
        weigh=weights_of(setup.config.loss),
        shard_index=jax.process_index(),
        shard_count=jax.process_count(),
    )


def weights_of(loss: Loss) -> BorderWeights | None:
    """Return what weighs the pixels of a training batch, if anything does."""
    return BorderWeights(loss.border_weight, loss.border_sigma) if loss.name == "border" else None


def validation(setup: Setup, signals: Signals, progress: Progress, job: Job):
    """Return the evaluation of the validation split, if any; a signal interrupts it.

    Several processes go on to its end, where they must meet.
    """
    source = setup.splits.val
    if source is None:
        return None
    evaluate = setup.evaluator()

    def on_batch(count: int) -> None:
        progress.phase(f"validating {count:,}/{len(source):,}")
        job.mark("validating")
        if signals.received and job.count == 1:
            raise InterruptedError

    return lambda state: evaluate(state, source, on_batch)
