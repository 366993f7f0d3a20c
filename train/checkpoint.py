"""Saving and resuming.

`DIR/last/STEP` holds everything that resuming needs, `DIR/best/STEP` the variables that
scored best on the validation split. Each has a manifest, and only what it proves is ever loaded.
"""

import errno
import json
import logging
import os
import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from train import arrays
from train.errors import RESTART, UserError, differences
from train.log import say
from train.manifest import Facts
from train.shelf import Shelf
from train.state import TrainState

Host = dict[str, Any]
"""JSON-able side of a checkpoint: data position, running sums of metrics."""

CONFIG, MACHINE = "config", "environment"
"""Parts of a manifest: what is run, and the versions and devices that it is run on."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system answers where there is no room."""

LOGGERS = ("absl", "concurrent.futures")
"""Where failing threads of Orbax and of TensorStore write their tracebacks."""


class Checkpoints:
    """The checkpoints of one run, written by a thread while the training goes on.

    A save that fails for want of space is told of within a step, and the next one tries again;
    `bad_saves` in a row end the run.
    """

    def __init__(
        self,
        directory: Path,
        *,
        keep_last: int,
        keep_best: int,
        bad_saves: int = 3,
        identity: Facts | None = None,
    ):
        """Open the folder, which no other process may be using.

        Args:
            directory: Where the checkpoints lie; made when something is saved.
            keep_last: Newest checkpoints kept.
            keep_best: Best checkpoints kept.
            bad_saves: Saves in a row that may fail before the run ends.
            identity: What a manifest tells of the run: its config, its data, its machine.
        """
        self._last, self._best = Shelf(directory / "last"), Shelf(directory / "best")
        self._keep_last, self._keep_best = max(keep_last, 1), keep_best
        self._bad_saves, self._failed = bad_saves, 0
        self._identity = identity or {}
        self._scores: dict[int, float] = {}
        self._thread = ThreadPoolExecutor(1, "checkpoints")
        self._saves: list[Future[None]] = []
        for shelf in (self._last, self._best):
            shelf.clean()

    def latest(self) -> int | None:
        """Return the newest step that is intact, or None; damaged ones are moved aside."""
        self._settle()
        found = self._last.newest()
        return found[0] if found else None

    def save(self, state: TrainState, host: Host, *, wait: bool = False) -> None:
        """Save everything, unless this step is saved already; with `wait`, return when it is."""
        self._settle()
        step = int(state.step)
        if step not in self._last.steps():
            host = {**host, "best": {str(s): top1 for s, top1 in self._scores.items()}}
            self._submit(self._write_last, step, arrays.copied(state), host)
        if wait:
            self._settle(must=True)

    def save_best(self, state: TrainState, top1: float) -> None:
        """Save the variables if they are among the best on the validation split."""
        step = int(state.step)
        scores = {**self._scores, step: top1}
        best = sorted(scores, key=lambda step: (-scores[step], step))[: self._keep_best]
        if step in best:
            self._scores = {step: scores[step] for step in best}
            self._submit(self._write_best, step, arrays.copied(state.variables), top1, best)

    def restore(self, like: TrainState) -> tuple[TrainState, Host] | None:
        """Return the newest intact state, as numpy arrays, and the host's side of it.

        `like` says which arrays are needed; None means that nothing intact lies here.
        """
        begun, found = bool(self._last.steps()), self._last.newest()
        if found is None:
            if begun:
                say("warning: no intact checkpoint is left; the run starts from the beginning")
            return None
        step, facts = found
        arrays.check(step, facts["arrays"], arrays.describe(like))
        self._check_identity(step, facts)
        folder = self._last.folder / str(step)
        host = json.loads((folder / "host.json").read_text())
        self._scores = {int(s): top1 for s, top1 in host.pop("best").items()}
        for other in self._best.steps():
            if other not in self._scores:
                self._best.remove(other)  # of a future that is about to happen again
            elif self._best.intact(other) is None:
                del self._scores[other]
        return arrays.read(folder / "state", like), host

    def poll(self) -> None:
        """Tell of a save that has failed in the background; raise if it was one too many."""
        done = [save for save in self._saves if save.done()]
        self._saves = [save for save in self._saves if save not in done]
        for save in done:
            self._judge(save.exception(), must=False)

    def __enter__(self) -> "Checkpoints":
        for name in LOGGERS:
            logging.getLogger(name).addFilter(_worth_logging)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the saves under way; what ended the run goes before what they fail with."""
        try:
            self._settle(must=kind is None)
        except Exception:
            if kind is None:
                raise
        finally:
            self._thread.shutdown()
            for name in LOGGERS:
                logging.getLogger(name).removeFilter(_worth_logging)

    def _check_identity(self, step: int, facts: Facts) -> None:
        """Refuse the checkpoint of another config; tell of another machine."""
        now = self._identity
        if lines := differences(facts.get(CONFIG, {}), now.get(CONFIG, facts.get(CONFIG, {}))):
            raise UserError(
                f"checkpoint {step} was written under another config; choose another --workdir, or "
                "start anew with --fresh:\n" + "\n".join(lines)
            )
        old = facts.get(MACHINE, {})
        new = {**now.get(MACHINE, old), "commit": old.get("commit")}
        if lines := differences(old, new):
            say(
                f"checkpoint {step} was written elsewhere, so that numbers may differ in their "
                "last digits:\n" + "\n".join(lines)
            )

    def _submit(self, write: Callable[..., None], *args: Any) -> None:
        self._saves.append(self._thread.submit(write, *args))

    def _write_last(self, step: int, state: TrainState, host: Host) -> None:
        def write(folder: Path) -> None:
            arrays.write(folder / "state", state)
            (folder / "host.json").write_text(json.dumps(host))

        self._last.put(step, write, self._facts(state))
        for old in self._last.steps()[: -self._keep_last]:
            self._last.remove(old)

    def _write_best(self, step: int, variables: Any, top1: float, best: list[int]) -> None:
        def write(folder: Path) -> None:
            arrays.write(folder / "state", variables)

        try:
            self._best.put(step, write, {"top1": top1, **self._facts(variables)})
        except BaseException:
            self._scores.pop(step, None)  # The next best is to be saved in its place.
            raise
        for old in set(self._best.steps()) - set(best):
            self._best.remove(old)

    def _facts(self, tree: Any) -> Facts:
        return {"arrays": arrays.describe(tree), **self._identity}

    def _settle(self, *, must: bool = False) -> None:
        """Wait for the saves under way; with `must`, none may have failed."""
        saves, self._saves = self._saves, []
        for save in saves:
            self._judge(save.exception(), must=must)

    def _judge(self, error: BaseException | None, *, must: bool) -> None:
        """Take in how one save has ended."""
        if error is None:
            self._failed = 0
            return
        reason = _reason(error)
        if reason is None:
            raise error
        self._failed += 1
        steps = self._last.steps()
        kept = f"step {steps[-1]} is intact" if steps else "none is complete yet"
        text = f"{reason} while saving a checkpoint ({kept}); free some space"
        if must or self._failed >= self._bad_saves:
            again = "and run the same command again: it goes on from there"
            raise UserError(f"{text} {again}", RESTART) from error
        say(f"warning: {text}: the next checkpoint tries again")


def _reason(error: BaseException) -> str | None:
    """Return what the outside world did to a save; None for a defect of the program."""
    number = _system_error(error)
    if number in FULL:
        return "the disk is full"
    return f"the disk failed ({os.strerror(number)})" if number else None


def _system_error(error: BaseException | None) -> int | None:
    """Return the number of the system's error, which TensorStore only tells of in its text."""
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"os_error_code='(\d+)'", str(error))
    if found:
        return int(found[1])
    return errno.ENOSPC if "No space left" in str(error) else None


def _worth_logging(record: logging.LogRecord) -> bool:
    """Leave out the tracebacks of a failing disk, one a thread: the run tells of it.

    The writes beside the one that failed report to an event loop that it has closed.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not (_system_error(error) or "Event loop is closed" in str(error))
