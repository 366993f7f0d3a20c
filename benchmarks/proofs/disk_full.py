"""Runs on a disk too small for them, a tmpfs: what stays, and what a resumed run ends with."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.forked import Forks, train
from benchmarks.proofs.kill import ARGUMENTS, outcome
from benchmarks.table import show
from train.errors import RESTART
from train.shelf import Shelf

SIZES = (8, 200, 400, 600, 900, 1300, 1800)
"""Kilobytes of the disk: from no room for anything to room for all."""


def run(count: int) -> dict[str, Any]:
    with Forks() as forks:
        reference = forks.folder / "reference"
        forks.complete(reference, *ARGUMENTS)
        wanted = outcome(reference)
        rows = [once(forks, wanted, size) for size in SIZES[: count or None]]
    show([list(rows[0])] + [list(row.values()) for row in rows])
    return {"rows": rows, "failures": [row for row in rows if not good(row)]}


@contextlib.contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """Mount a small disk on a folder; it takes the rights of root."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    subprocess.run(["mount", *options], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def once(forks: Forks, wanted: Any, size: int) -> dict[str, Any]:
    """Train on a small disk; then give it room and run the same command again."""
    folder, log = forks.folder / "small", forks.folder / "log"
    with disk(folder, size):
        process = forks.start(train, *ARGUMENTS, "--workdir", str(folder / "run"), log=log)
        process.join()
        told = log.read_text()
        last = Shelf(folder / "run/checkpoints/last")
        steps = last.steps()
        for step in steps:
            last.verify(step)
        row = {"kilobytes": size, "code": process.exitcode}
        row |= {"told": told.count("disk is full") + told.count("No space left")}
        row |= {"traceback": "Traceback" in told, "intact": steps[-1] if steps else None}
        row |= {"drafts": len(list((folder / "run").rglob("*.partial")))}
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
        forks.complete(folder / "run", *ARGUMENTS)
        row["equal"] = outcome(folder / "run") == wanted
    return row


def good(row: dict[str, Any]) -> bool:
    """Say whether one row proves what it should: an end that is told of, and nothing lost."""
    ended = row["code"] == 0 or (row["code"] == RESTART and row["told"] > 0)
    return ended and row["equal"] and not row["traceback"] and row["drafts"] == 0
