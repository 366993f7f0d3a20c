"""Jobs of two and four processes, one of which dies or hangs: how the others end, and go on.

Every job trains in float64, one device a process, over gloo. First: several processes give the
numbers of one. Then one process of a job is killed, stopped or gets stuck in a phase of the run;
the others must leave in time, name it, and a restarted job must end bitwise as an undisturbed one.
"""

import os
import random
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.forked import Forks, train
from benchmarks.proofs.kill import ARGUMENTS as SHORT
from benchmarks.proofs.kill import outcome
from benchmarks.proofs.victim import STUCK, victim
from benchmarks.table import show
from train.errors import PREEMPTED, RESTART, STALLED

HEARTBEAT, WATCHDOG = 4.0, 120.0
ARGUMENTS = (*SHORT, "--length", "2 epochs", "--model.dtype", "float64")
ARGUMENTS += ("--hosts.heartbeat", str(HEARTBEAT), "--hosts.watchdog", str(WATCHDOG))

CASES: list[tuple[int, int, str, str]] = [
    (2, 1, "SIGKILL", "train"),
    (2, 0, "SIGKILL", "train"),
    (2, 1, "SIGKILL", "data"),
    (2, 1, "SIGKILL", "compile"),
    (2, 0, "SIGKILL", "compile"),
    (2, 1, "SIGKILL", "eval"),
    (2, 0, "SIGKILL", "save"),
    (2, 1, "SIGSTOP", "train"),
    (2, 0, "SIGSTOP", "train"),
    (2, 1, STUCK, "train"),
    (2, 1, "SIGTERM", "train"),
    (4, 2, "SIGKILL", "train"),
    (4, 0, "SIGKILL", "train"),
]
"""Processes, the one that is struck, by what, in which phase."""

LIMITS = {"SIGSTOP": HEARTBEAT + 5, STUCK: WATCHDOG + 5, "SIGTERM": 5.0, "SIGKILL": HEARTBEAT + 5}
"""Seconds until all others have left; 5 where a process is killed in a step."""
CODES = {STUCK: STALLED, "SIGTERM": PREEMPTED}


def run(count: int) -> dict[str, Any]:
    with Forks() as forks:
        cases = CASES[: count or None]
        wanted = {n: whole(forks, n) for n in sorted({1, *(case[0] for case in cases)})}
        same = [
            {"processes": n, "difference": difference(forks.folder, n)} for n in wanted if n > 1
        ]
        print(same, flush=True)
        rows = []
        for case in cases:
            rows.append(once(forks, wanted[case[0]], *case))
            print(rows[-1], flush=True)
    show(table(rows))
    failures = [row for row in rows if not good(row)] + [r for r in same if r["difference"] > 1e-12]
    return {"same": same, "rows": rows, "failures": failures}


def whole(forks: Forks, count: int) -> Any:
    """Train undisturbed with this many processes; return what must be equal."""
    workdir = forks.folder / f"whole{count}"
    codes, _, told = ended(begin(forks, count, workdir))
    assert set(codes) == {0}, told
    return outcome(workdir)


def difference(folder: Path, count: int) -> float:
    """Return the largest difference between the final variables of several processes and one."""
    one, other = (np.load(folder / f"whole{n}/final.npz") for n in (1, count))
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


def begin(
    forks: Forks, count: int, workdir: Path, struck: dict[int, tuple[Any, ...]] | None = None
):
    """Start the processes of a job, those that are to be struck as victims."""
    with socket.socket() as free:  # A port of its own for every job.
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"jax_num_cpu_devices": 2 if count == 1 else 1}
    found = []
    for i in range(count):
        own = ("--hosts.coordinator", f"127.0.0.1:{port}", "--hosts.count", str(count))
        own = (*own, "--hosts.index", str(i)) if count > 1 else ("--devices.count", "2")
        arguments = (*ARGUMENTS, *own, "--workdir", str(workdir))
        log = workdir.with_suffix(f".log{i}")
        how = (struck or {}).get(i)
        main, arguments = (victim, (*how, *arguments)) if how else (train, arguments)
        found.append((forks.start(main, *arguments, log=log, settings=settings), log))
    return found


def ended(job: list[Any], but: int = -1) -> tuple[list[int], list[float], list[str]]:
    """Wait for the processes of a job, but one; return their codes, end times and outputs."""
    times = [0.0] * len(job)
    while True:
        for i, (process, _) in enumerate(job):
            if not times[i] and process.exitcode is not None:
                times[i] = time.time()
        if all(t for i, t in enumerate(times) if i != but):
            break
        time.sleep(0.01)
    return [p.exitcode for p, _ in job], times, [log.read_text() for _, log in job]


def once(
    forks: Forks, wanted: Any, count: int, index: int, name: str, phase: str
) -> dict[str, Any]:
    """Strike one process of a job, wait for the others, restart all, and compare."""
    chance = random.Random(f"{count} {index} {name} {phase}")
    workdir, note = forks.folder / "struck", forks.folder / "note"
    note.unlink(missing_ok=True)
    call = {"train": chance.randint(3, 30), "eval": 2, "save": 2}.get(phase, 1)
    number = name if name == STUCK else signal.Signals[name]
    delay = chance.uniform(0, 0.01)
    job = begin(forks, count, workdir, {index: (phase, call, delay, number, note)})
    but = index if name == "SIGSTOP" else -1
    alive = [i for i in range(count) if i != index or name in ("SIGTERM", STUCK)]
    codes, times, told = ended(job, but)
    struck = note.stat().st_mtime
    if but >= 0:
        os.kill(job[but][0].pid, signal.SIGKILL)
        job[but][0].join()
    row = {"processes": count, "struck": index, "by": name, "phase": phase}
    row |= {"codes": [codes[i] for i in alive]}
    row |= {"seconds": round(max(times[i] for i in alive) - struck, 2)}
    row |= {"limit": 5.0 if (name, phase) == ("SIGKILL", "train") else LIMITS[name]}
    row["named"] = all(f"process {index}" in told[i] for i in alive if i != index)
    codes, _, told = ended(begin(forks, count, workdir))
    row["equal"] = set(codes) == {0} and outcome(workdir) == wanted
    if not row["equal"]:
        row["told"] = [text[-1500:] for text in told]
    shutil.rmtree(workdir)
    return row


def good(row: dict[str, Any]) -> bool:
    """Say whether one row proves what it should."""
    code = CODES.get(row["by"], RESTART)
    named = row["named"] or row["by"] == "SIGTERM"
    return set(row["codes"]) == {code} and row["seconds"] <= row["limit"] and named and row["equal"]


def table(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Return one line for each case."""
    lines: list[list[Any]] = [
        ["processes", "struck", "by", "in", "others gone after, s", "limit, s", "code", "resumed"]
    ]
    for row in rows:
        line = [row[name] for name in ("processes", "struck", "by", "phase", "seconds", "limit")]
        codes = ", ".join(sorted({str(code) for code in row["codes"]}))
        lines.append([*line, codes, "bitwise equal" if row["equal"] else "DIFFERS"])
    return lines
