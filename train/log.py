"""The record of a run: `metrics.jsonl`, one JSON object a line, and TensorBoard events beside it.

A row holds `step`, `split` ("train", "val" or "test"), `loss`, `top1` and `top5` (shares in
[0, 1]), for training also `learning_rate`, and the fields that tell of time, `TIME_FIELDS`. All
others are the same bit for bit whenever the same run is repeated.
"""

import collections
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from train.errors import UserError
from train.tensorboard import EventFile

FILE_NAME = "metrics.jsonl"

TIME_FIELDS = ("seconds", "images_per_second", "stall")
"""Seconds since the start of the run; training images a second; share of the time that the
loop waited for data. They differ from run to run."""

Row = dict[str, Any]


def say(text: str) -> None:
    """Print a line to the standard error stream."""
    print(text, file=sys.stderr, flush=True)


class MetricsLog:
    """An append-only log that a kill cannot tear and a full disk cannot turn against the run.

    Every row is handed to the operating system before `write` returns, so that `kill -9` loses
    none. Rows that cannot be written are kept and tried again with the next one.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        tensorboard: bool = True,
        resume_step: int = 0,
        warn: Callable[[str], None] = say,
    ):
        """Open the log, without the rows after `resume_step` and without a torn line.

        Args:
            directory: Folder of the run; made when missing.
            tensorboard: Write TensorBoard events too, into `directory/tensorboard`.
            resume_step: The step of the checkpoint from which the run goes on; 0 for a new run.
            warn: Told once, in one line, when a row cannot be written.
        """
        self.path = Path(directory) / FILE_NAME
        self._warn, self._warned = warn, False
        self._unwritten: collections.deque[bytes] = collections.deque(maxlen=10_000)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            kept = _cut(self.path, resume_step)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise UserError(
                f"cannot write the metrics to {self.path}: {error.strerror}; free some space or "
                "choose another folder with --workdir"
            ) from error
        self._seen = {(row["step"], row.get("split")) for row in kept}
        self._size = os.fstat(self._file).st_size
        self._events = None
        if tensorboard:
            self._guard(self._open_events, resume_step)

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row, unless the log already has one for its step and split.

        The rows at the step of a checkpoint may lie in the log already when the run resumes there.
        """
        plain = {name: _plain(value) for name, value in row.items()}
        place = (plain["step"], plain["split"])
        if place in self._seen:
            return
        self._seen.add(place)
        text = json.dumps(plain, allow_nan=False)
        self._unwritten.append(text.encode() + b"\n")
        self._guard(self._append)
        if self._events:
            self._guard(self._events.write, plain)

    def flush(self) -> None:
        """Bring the log and the events safely to the disk, as before a checkpoint."""
        if self._unwritten:
            self._guard(self._append)
        self._guard(os.fsync, self._file)
        if self._events:
            self._guard(self._events.flush)

    def close(self) -> None:
        """Write what is left and close; further calls do nothing."""
        if self._file < 0:
            return
        self.flush()
        if self._events:
            self._guard(self._events.close)
        os.close(self._file)
        self._file, self._events = -1, None

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_events(self, resume_step: int) -> None:
        self._events = EventFile(self.path.parent / "tensorboard", resume_step)

    def _append(self) -> None:
        data = b"".join(self._unwritten)
        written = os.write(self._file, data)
        if written < len(data):
            # The disk is full in the middle of a line: take the part back, keep the rows.
            os.ftruncate(self._file, self._size)
            raise OSError(0, "no space left for a whole line")
        self._size += written
        self._unwritten.clear()

    def _guard(self, action: Callable, *args: Any) -> None:
        """Do something that must not stop the training when it fails."""
        try:
            action(*args)
        except OSError as error:
            if not self._warned:
                self._warn(
                    f"warning: the metrics cannot be written to {self.path.parent}: "
                    f"{error.strerror or error}; training goes on, and the rows are written "
                    "when there is space again"
                )
            self._warned = True


def read_metrics(path: str | Path) -> list[Row]:
    """Return the rows of a log in their order, without a line that a kill has torn.

    Args:
        path: A `metrics.jsonl`, or the folder that holds it.
    """
    path = Path(path)
    path = path / FILE_NAME if path.is_dir() else path
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError as error:
        raise UserError(
            f"no metrics at {path}; pass the folder of a run, as given by --workdir"
        ) from error
    return [row for line in lines if (row := _parse(line)) is not None]


def without_time(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Drop the fields that differ from run to run, so that two logs can be compared exactly.

    >>> without_time([{"step": 1, "loss": 0.5, "seconds": 3.2, "stall": 0.01}])
    [{'step': 1, 'loss': 0.5}]
    """
    return [{k: v for k, v in row.items() if k not in TIME_FIELDS} for row in rows]


def _cut(path: Path, last_step: int) -> list[Row]:
    """Drop torn lines and rows after `last_step` in one atomic replacement; return the rest."""
    try:
        old = path.read_bytes()
    except FileNotFoundError:
        return []
    rows = [(line, _parse(line)) for line in old.splitlines()]
    kept = [(line, row) for line, row in rows if row is not None and row["step"] <= last_step]
    new = b"".join(line + b"\n" for line, _ in kept)
    if new != old:
        # The process id keeps two runs that were started by mistake out of each other's way.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with open(draft, "wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    return [row for _, row in kept if row is not None]


def _parse(line: bytes) -> Row | None:
    """Return the row on a line, None where there is none."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step"), int) else None


def _plain(value: Any) -> Any:
    """Turn a number of numpy or JAX into Python's; what is not finite has no JSON and is null."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
