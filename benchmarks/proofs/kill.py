"""Kill real runs at random moments; what a resumed run ends with is bitwise the same."""

import json
import random
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.lab import complete, start
from train.errors import PREEMPTED
from train.log import read_metrics, without_time

ARGUMENTS = ("digits", "--length", "40 epochs", "--checkpoint.every", "1 epochs")
LIMIT = 5.0
"""Seconds that SIGTERM may take beyond one step."""


def run(count: int) -> dict[str, Any]:
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference"
        _, seconds = complete(reference, *ARGUMENTS)
        wanted = outcome(reference)
        rows = []
        while len(rows) < (count or 20):
            how = ("SIGKILL", "SIGKILL in a save", "SIGTERM", "SIGKILL")[len(rows) % 4]
            workdir = Path(folder) / "killed"
            row = once(workdir, how, chance.uniform(0.5, 0.9 * seconds))
            row["equal"] = outcome(workdir) == wanted
            shutil.rmtree(workdir)
            if not row.pop("ended") or not row["equal"]:
                rows.append(row)
                print(row, flush=True)
    return {"seconds": seconds, "rows": rows, "failures": [row for row in rows if not good(row)]}


def once(workdir: Path, how: str, delay: float) -> dict[str, Any]:
    """Start a run, stop it once, and start it again until it is finished."""
    process = start(*ARGUMENTS, "--workdir", str(workdir))
    moment = wait(process, workdir, how, delay)
    ended = (workdir / "summary.json").exists()
    begin = time.perf_counter()
    process.send_signal(signal.SIGTERM if how == "SIGTERM" else signal.SIGKILL)
    process.communicate()
    row = {"how": how, "after": round(moment, 2), "code": process.returncode}
    row |= {"leaving": round(time.perf_counter() - begin, 2), "saving": saving(workdir)}
    row["ended"] = ended
    complete(workdir, *ARGUMENTS)
    return row


def wait(process: subprocess.Popen, workdir: Path, how: str, delay: float) -> float:
    """Wait for the moment: a random one, or from then on the next save under way."""
    begin = time.perf_counter()
    while process.poll() is None:
        passed = time.perf_counter() - begin
        if passed >= delay and (how != "SIGKILL in a save" or saving(workdir)):
            break
        time.sleep(0.0005)
    return time.perf_counter() - begin


def saving(workdir: Path) -> bool:
    """Say whether a checkpoint is half written."""
    return any(workdir.glob("checkpoints/*/*.orbax-checkpoint-tmp*"))


def outcome(workdir: Path) -> tuple[Any, ...]:
    """Return what must be equal: the whole final state, and the log but for its times."""

    state = json.loads((workdir / "summary.json").read_text())["state_sha256"]
    return state, json.dumps(without_time(read_metrics(workdir)))


def good(row: dict[str, Any]) -> bool:
    """Say whether one row proves what it should."""
    if row["how"] == "SIGTERM" and row["code"] != 0:
        return row["equal"] and row["code"] == PREEMPTED and row["leaving"] < LIMIT
    return row["equal"]
