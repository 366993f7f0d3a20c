"""The folder of a run: what it holds, and whether it is new, unfinished or finished."""

import contextlib
import fcntl
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict

from train.config import Config, fingerprint, numbers, to_json
from train.errors import RESTART, UserError, differences
from train.state import TrainState

OWN = ("config.json", "metrics.jsonl", "checkpoints", "tensorboard", "report", "report.html")
OWN += ("explain", "explain.html", "final.npz", "summary.json", "profile")
"""What a run writes; nothing else is ever removed."""


def default_directory(name: str, config: Config) -> Path:
    """Return `runs/CONFIG-HASH`: the same command finds its run again."""
    return Path("runs") / f"{name}-{fingerprint(config)}"


def finished_summary(directory: Path, config: Config) -> dict[str, Any] | None:
    """Return the summary of the run if it is finished; refuse the folder of another run."""
    _check_own(directory)
    path, summary = directory / "config.json", directory / "summary.json"
    begun = summary.exists() or any(directory.glob("checkpoints/last/[0-9]*"))
    if path.exists() and begun:
        _check_same(directory, json.loads(path.read_text()), json.loads(to_json(config)))
    return json.loads(summary.read_text()) if summary.exists() else None


@contextlib.contextmanager
def open_directory(directory: Path, config: Config, *, fresh: bool) -> Iterator[None]:
    """Make the folder ready, and keep it from other processes while the run lasts."""
    _check_own(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = open(directory / ".lock", "w")  # noqa: SIM115 (open as long as the run)
    except OSError as error:
        raise UserError(
            f"{directory} cannot be the folder of a run: {error.strerror}; choose another --workdir"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"another process is busy with the run in {directory}; wait for it, or choose "
                "another --workdir"
            ) from error
        if fresh:
            _remove(directory)
        write_atomically(directory / "config.json", to_json(config))
        yield


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file that is either whole or not there."""
    partial = path.with_name(path.name + ".partial")
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise UserError(
            f"cannot write {path}: {error.strerror}; free some space, or make the folder "
            "writable, and run the same command again: it goes on from there",
            RESTART,
        ) from error


def write_final(path: Path, state: TrainState) -> None:
    """Write the final variables as flat arrays, `params/...` and `batch_stats/...`."""
    flat = flatten_dict(dict(state.variables), sep="/")
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in flat.items()}
    np.savez(buffer, **arrays)
    write_atomically(path, buffer.getvalue())


def _check_own(directory: Path) -> None:
    """Refuse a folder that holds another program's files under a run's names."""
    found = [name for name in OWN if (directory / name).exists()]
    own = _is_config(directory / "config.json") or (directory / "checkpoints" / "last").is_dir()
    if found and not own:
        raise UserError(
            f"{directory} holds {', '.join(found)}, but no config.json of a run: they would be "
            "overwritten; choose another --workdir"
        )


def _is_config(path: Path) -> bool:
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and {"length", "model", "data"} <= values.keys()


def _remove(directory: Path) -> None:
    for name in OWN:
        path = directory / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _check_same(directory: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    lines = differences(numbers(old), numbers(new))
    if lines:
        raise UserError(
            f"{directory} holds a run with another config; choose another --workdir, or start "
            "anew with --fresh:\n" + "\n".join(lines)
        )
