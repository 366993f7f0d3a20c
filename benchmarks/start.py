"""Seconds to the first training step, with an empty cache of compiled programs and a full one.

Each is a process of its own; what it takes to import the libraries counts. Plain Flax beside it.
`ROWS` is a regular expression of the rows wanted, as in `python -m benchmarks cpu`.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.cpu import Workload, wanted
from benchmarks.peers.given import write
from benchmarks.peers.race import Racer
from benchmarks.table import show

ROUNDS = 2
CACHE = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_RAISE_PERSISTENT_CACHE_ERRORS": "1",
}


def run(count: int) -> dict[str, Any]:
    chosen = [work for work in wanted() if work.table == "main" and work.train]
    rows = [compare(work, count or ROUNDS) for work in chosen]
    names = ("name", "jaxcnn_cold_s", "jaxcnn_warm_s", "flax_cold_s", "flax_warm_s")
    show([names, *([row[name] for name in names] for row in rows)])
    return {"rounds": count or ROUNDS, "rows": rows}


def compare(work: Workload, rounds: int) -> dict[str, Any]:
    """Return medians for a network, by turns."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "given.npz"
        write(file, work._asdict())
        for _ in range(rounds):
            for name in ("jaxcnn", "flax"):
                with tempfile.TemporaryDirectory() as cache:
                    for state in ("cold", "warm"):
                        seconds = ready(name, file, cache)
                        found.setdefault(f"{name}_{state}_s", []).append(seconds)
    medians = {name: round(statistics.median(seconds), 2) for name, seconds in found.items()}
    row = {**work._asdict(), "name": work.name, **medians, "rounds": found}
    print(row, flush=True)
    return row


def ready(name: str, file: Path, cache: str) -> float:
    """Return the seconds that a library takes to its first step."""
    os.environ.update(CACHE, JAX_COMPILATION_CACHE_DIR=cache)
    racer = Racer(name, sys.executable, file)
    try:
        racer.start()
    finally:
        racer.stop()
    assert not racer.error, f"{name}: {racer.error}"
    return racer.ready_s
