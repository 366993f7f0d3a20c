"""One run from its config to its end; what is unfinished goes on where it was."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import rich.progress
from rich.console import Console

from train.checkpoint import CONFIG, MACHINE, Checkpoints
from train.config import Config, Loss, numbers, to_json
from train.data import Splits, StallMeter, TrainBatches, train_batches
from train.data.border import BorderWeights
from train.finish import finish
from train.log import MetricsLog, say
from train.loop import Loop, Window
from train.parallel import place_like
from train.profiling import profiled
from train.progress import Progress
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
    finished = None if fresh else finished_summary(directory, config)
    if finished is not None:
        say(f"{directory} holds this run, finished; --fresh starts it anew")
        return finished
    double = config.model.dtype == "float64"
    with jax.enable_x64(True) if double else contextlib.nullcontext(), Signals() as signals:
        with reading() as progress:
            setup = prepare(config, progress, splits)
        with open_directory(directory, config, fresh=fresh):
            say(describe(name, setup, directory))
            state, seconds = train(setup, directory, signals)
            signals.unsaved = False
            return finish(name, setup, state, directory, seconds)


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


def train(setup: Setup, directory: Path, signals: Signals) -> tuple[TrainState, float]:
    """Return the final state and the seconds it took, going on from the newest checkpoint."""
    config, begin = setup.config, time.perf_counter()
    with contextlib.ExitStack() as stack:
        checkpoints = stack.enter_context(open_checkpoints(setup, directory))
        batches = stack.enter_context(contextlib.closing(open_batches(setup)))
        state, host = setup.initial_state(), {"window": {}, "eval_due": False, "seconds": 0.0}
        saved = checkpoints.restore(state)
        if saved is not None:
            state, host = place_like(saved[0], state), saved[1]
            batches.set_state(host["data"])
            say(f"going on from step {int(state.step):,}")
        first, events = int(state.step), config.log.tensorboard
        log = stack.enter_context(MetricsLog(directory, tensorboard=events, resume_step=first))
        progress = Progress(setup.every.total, setup.steps_per_epoch, first_step=first)
        stack.enter_context(progress)
        progress.phase("compiling")

        def seconds() -> float:
            return host["seconds"] + time.perf_counter() - begin

        state = Loop(
            every=setup.every,
            train_step=profiled(
                setup.train_step(), config.log.profile, setup.every.total, directory / "profile"
            ),
            task=setup.task,
            evaluate=validation(setup, signals, progress),
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
        ).run(state, host["eval_due"])
    return state, seconds()


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
    )


def weights_of(loss: Loss) -> BorderWeights | None:
    """Return what weighs the pixels of a training batch, if anything does."""
    return BorderWeights(loss.border_weight, loss.border_sigma) if loss.name == "border" else None


def validation(setup: Setup, signals: Signals, progress: Progress):
    """Return the evaluation of the validation split, if any; a signal interrupts it."""
    source = setup.splits.val
    if source is None:
        return None
    evaluate = setup.evaluator()

    def on_batch(count: int) -> None:
        progress.phase(f"validating {count:,}/{len(source):,}")
        if signals.received:
            raise InterruptedError

    return lambda state: evaluate(state, source, on_batch)
