"""Kill real runs within their phases; what a resumed run ends with is bitwise the same.

Rows: 20 `kill -9` and 20 SIGTERM, over compiling, training, validating, saving and finishing, at
random moments of each.
"""

import json
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from benchmarks.forked import Forks
from benchmarks.proofs.victim import victim
from benchmarks.table import show
from train.errors import PREEMPTED
from train.log import read_metrics, without_time

ARGUMENTS = ("digits", "--length", "4 epochs", "--data.image_size", "16")
ARGUMENTS += ("--checkpoint.every", "7 steps", "--log.eval_every", "10 steps")
ARGUMENTS += ("--log.every", "5 steps", "--log.report", "False", "--log.tensorboard", "False")

PHASES: dict[str, tuple[int, float]] = {
    "compile": (1, 1.0),
    "train": (70, 0.005),
    "eval": (7, 0.01),
    "save": (11, 0.05),
    "finish": (1, 0.5),
}
"""How often a phase begins at least, and the seconds after its beginning in which to strike."""

LIMIT = 10.0
"""Seconds that SIGTERM may take; launchers give 30 by default."""


def run(count: int) -> dict[str, Any]:
    with Forks() as forks:
        reference = forks.folder / "reference"
        forks.complete(reference, *ARGUMENTS)
        wanted, rows = outcome(reference), []
        for case in cases(count or 40):
            row = case | once(forks, wanted, **case)
            while missed(row):
                case["delay"] /= 2
                row = case | once(forks, wanted, **case)
            rows.append(row)
            print(row, flush=True)
    show(table(rows))
    return {"rows": rows, "failures": [row for row in rows if not good(row)]}


def cases(count: int) -> list[dict[str, Any]]:
    """Return what to do to each run: signals and phases in turn, moments at random."""
    chance = random.Random(0)
    found = []
    for i in range(count):
        phase = list(PHASES)[i // 2 % len(PHASES)]
        calls, spread = PHASES[phase]
        name = ("SIGKILL", "SIGTERM")[i % 2]
        delay = round(chance.uniform(0, spread), 4)
        found.append({"name": name, "phase": phase, "call": chance.randint(1, calls)})
        found[-1]["delay"] = delay
    return found


def once(
    forks: Forks, wanted: Any, *, name: str, phase: str, call: int, delay: float
) -> dict[str, Any]:
    """Let a run die, finish it by the same command, and compare."""
    workdir, note = forks.folder / "killed", forks.folder / "note"
    note.unlink(missing_ok=True)
    arguments = (phase, call, delay, signal.Signals[name], note, *ARGUMENTS)
    process = forks.start(victim, *arguments, "--workdir", str(workdir), cached=phase != "compile")
    process.join()
    leaving = time.time() - note.stat().st_mtime if note.exists() else 0.0
    row = {"moment": note.read_text() if note.exists() and process.exitcode else "never"}
    row |= {"code": process.exitcode, "leaving": round(leaving, 2), "saving": saving(workdir)}
    forks.complete(workdir, *ARGUMENTS)
    row["equal"] = outcome(workdir) == wanted
    shutil.rmtree(workdir)
    return row


def missed(row: dict[str, Any]) -> bool:
    """Say whether the delay was longer than what was left of the run."""
    return row["moment"] == "never" or (row["phase"], row["moment"]) == ("finish", "after")


def saving(workdir: Path) -> bool:
    """Say whether a checkpoint was left half written."""
    return any(workdir.glob("checkpoints/*/*.partial"))


def outcome(workdir: Path) -> tuple[Any, ...]:
    """Return what must be equal: the whole final state, and the log but for its times."""
    state = json.loads((workdir / "summary.json").read_text())["state_sha256"]
    return state, json.dumps(without_time(read_metrics(workdir)))


def good(row: dict[str, Any]) -> bool:
    """Say whether one row proves what it should."""
    if row["moment"] == "never" or not row["equal"]:
        return False
    if row["name"] == "SIGTERM":
        return row["code"] == PREEMPTED and row["leaving"] < LIMIT
    return row["code"] == -9


def table(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Return one line for each signal and phase."""
    lines: list[list[Any]] = [
        ["signal", "phase", "runs", "struck within", "slowest exit, s", "bitwise equal"]
    ]
    for name in ("SIGKILL", "SIGTERM"):
        for phase in PHASES:
            own = [row for row in rows if (row["name"], row["phase"]) == (name, phase)]
            if own:
                within = sum(row["moment"] == "within" for row in own)
                slowest = max(row["leaving"] for row in own)
                equal = sum(row["equal"] for row in own)
                lines.append([name, phase, len(own), within, slowest, f"{equal}/{len(own)}"])
    return lines
