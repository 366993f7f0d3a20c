"""The order of events: batch, dispatch, metrics of the step before, eval, checkpoint, signals."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import jax
import numpy as np

from train import processes
from train.checkpoint import Checkpoints
from train.data import StallMeter
from train.errors import NON_FINITE
from train.hosts import Job, Together
from train.log import MetricsLog
from train.make_task import Task
from train.patience import Patience
from train.progress import Progress
from train.quiet import NoCheckpoints, NoLog
from train.signals import EXIT_CODES, Signals
from train.state import TrainState
from train.tasks import Batch


class Stopped(Together):
    """A signal has ended the training; everything is saved."""


@dataclass
class Window:
    """Sums of the metrics since the last line of the log; part of every checkpoint."""

    sums: dict[str, Any] = field(default_factory=dict)
    """Numbers, or tables of numbers as lists."""
    bad_steps: int = 0
    """Steps with a non-finite number since the last good one."""

    def add(self, metrics: dict[str, Any], names: Sequence[str]) -> None:
        """Take the named metrics of one step in."""
        if metrics["finite"]:
            self.bad_steps = 0
            old = self.sums
            self.sums = {name: np.add(old.get(name, 0.0), metrics[name]).tolist() for name in names}
        else:
            self.bad_steps += 1


@dataclass(frozen=True)
class Every:
    """Intervals in steps."""

    log: int
    evaluate: int
    checkpoint: int
    total: int

    def due(self, interval: int, step: int) -> bool:
        """Say whether an event falls on this step; the last step has them all."""
        return step % interval == 0 or step == self.total


@dataclass
class Loop:
    """What the loop drives; everything in it is made by `train.run`."""

    every: Every
    train_step: Callable[[TrainState, Batch, int], tuple[TrainState, dict[str, jax.Array]]]
    """Takes the step of a given number, counted from 1."""
    task: Task
    evaluate: Callable[[TrainState], Any] | None
    """Evaluates the validation split; None where there is none."""
    batches: StallMeter[Batch]
    place: Callable[[Batch], Batch]
    checkpoints: Checkpoints | NoCheckpoints
    signals: Signals
    log: MetricsLog | NoLog
    progress: Progress
    data_state: Callable[[], dict[str, Any]]
    """Position in the data, for a checkpoint."""
    seconds: Callable[[], float]
    """Seconds of training so far, those before a restart included."""
    batch_size: int
    bad_steps_limit: int
    window: Window = field(default_factory=Window)
    patience: Patience = field(default_factory=Patience)
    job: Job = field(default_factory=Job)
    share: Callable[[bool, jax.Array], jax.Array] | None = None
    """Tells all processes of a flag, where there are several (`processes.flag_shared`)."""
    stopping: bool = False
    """Whether a signal has come, and all processes know of it."""

    def run(self, state: TrainState, eval_due: bool = False) -> TrainState:
        """Train from `state` to the end and return the final state."""
        self._clock, self._since = time.perf_counter(), int(state.step)
        previous: tuple[int, dict[str, jax.Array]] | None = None
        first = int(state.step)
        if eval_due:
            self._evaluate(state, first)
        for step in range(first + 1, self.every.total + 1):
            if self.patience.over:
                return state
            self.job.mark(f"waiting for the data of step {step}")
            batch = next(self.batches)
            self.job.mark(f"in step {step}")
            state, metrics = self.train_step(state, self.place(batch), step)
            if self.share:
                metrics["stop"] = self.share(bool(self.signals.received), metrics["count"])
            self.signals.unsaved = True
            self.checkpoints.poll()
            if previous:
                self._account(*previous)
            previous = (step, metrics)
            if self._told_to_stop() or self._must_settle(step):
                self._account(*previous)
                previous = None
                self._events(state, step)
        if self._told_to_stop(ask=True):
            self._stop(state)
        return state

    def _told_to_stop(self, *, ask: bool = False) -> bool:
        """Say whether a signal has come; where several processes must agree, as of the last step.

        With `ask` they tell each other now.
        """
        if self.job.count == 1:
            self.stopping = bool(self.signals.received)
        elif ask:
            self.stopping = self.stopping or self.job.any(self.signals.received)
        return self.stopping

    def _must_settle(self, step: int) -> bool:
        every = self.every
        return every.due(every.evaluate, step) or every.due(every.checkpoint, step)

    def _events(self, state: TrainState, step: int) -> None:
        begin = time.perf_counter()
        if self.every.due(self.every.evaluate, step):
            self._evaluate(state, step)
        if self._told_to_stop(ask=True):
            self._stop(state)
        last = step == self.every.total or self.patience.over
        if last or self.every.due(self.every.checkpoint, step):
            self._save(state, wait=last)
        self._clock += time.perf_counter() - begin  # rates are those of the training alone

    def _account(self, step: int, metrics: dict[str, jax.Array]) -> None:
        found = jax.device_get(metrics)
        values = {name: np.asarray(value, np.float64).tolist() for name, value in found.items()}
        self.stopping = self.stopping or values.pop("stop", 0) > 0
        self.window.add(values, self.task.sums)
        if self.window.bad_steps >= self.bad_steps_limit:
            self._diverged(step)
        self.progress.update(step, loss=values["loss"] / max(values["count"], 1.0))
        if self.every.due(self.every.log, step):
            self._write(step, {name: values[name] for name in ("grad_norm", "learning_rate")})

    def _write(self, step: int, last: dict[str, float]) -> None:
        speed, means = self._speed(step), self.task.means(self.window.sums)
        row = {"step": step, "split": "train", **means, **last}
        row |= {"seconds": self.seconds(), **speed}
        self.log.write(row)
        self.progress.update(step, accuracy=means[self.task.accuracy], **speed)
        self.window = Window(bad_steps=self.window.bad_steps)

    def _speed(self, step: int) -> dict[str, float]:
        passed = time.perf_counter() - self._clock
        rate = (step - self._since) * self.batch_size / passed
        stall = self.batches.waited / passed
        self._clock, self._since = time.perf_counter(), step
        self.batches.reset()
        return {"images_per_second": rate, "stall": stall}

    def _evaluate(self, state: TrainState, step: int) -> None:
        if self.evaluate is None:
            return
        try:
            result = self.evaluate(state)
        except InterruptedError:
            self._stop(state, eval_due=True)
        row = {"loss": result.loss, **result.scores}
        self.log.write({"step": step, "split": "val", **row, "count": result.count})
        self.checkpoints.save_best(state, result.scores[self.task.headline])
        self.patience.see(result.scores[self.task.headline])

    def _save(self, state: TrainState, *, wait: bool, eval_due: bool = False) -> None:
        window = {"sums": self.window.sums, "bad_steps": self.window.bad_steps}
        patience = {"best": self.patience.best, "waited": self.patience.waited}
        host = {"window": window, "patience": patience, "eval_due": eval_due}
        host["seconds"] = self.seconds()
        self.log.flush()
        self.job.mark(f"saving step {int(state.step)}")
        state = processes.to_host(state)
        self.checkpoints.save(state, host | {"data": self.data_state()}, wait=wait)

    def _diverged(self, step: int) -> NoReturn:
        saved = self.checkpoints.latest()
        kept = (
            "nothing was saved yet" if saved is None else f"the newest checkpoint is step {saved}"
        )
        raise Together(
            f"{self.window.bad_steps} steps in a row, up to step {step}, gave a non-finite loss or "
            f"gradient and changed nothing; {kept}. Lower --optim.learning-rate, lengthen "
            "--optim.warmup, or look for images or labels that are wrong",
            NON_FINITE,
        )

    def _stop(self, state: TrainState, eval_due: bool = False) -> NoReturn:
        number = self.signals.received or signal.SIGTERM  # Which came to another process.
        self._save(state, wait=True, eval_due=eval_due)
        raise Stopped(
            f"{number.name}: saved at step {int(state.step)}; the same command goes on from there",
            EXIT_CODES[number],
        )
