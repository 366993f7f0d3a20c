"""Reads hostile and damaged files under watch: `python -m tests.weights.audited COUNT SEED`.

`COUNT SEED memory` also measures what each hostile file made Python allocate.

An audit hook, armed only while a file is read, lets through nothing but the opening of that very
file for reading and its mapping into memory. The address space is limited to what the process has
taken already, the file's size and 64 MB. The findings are printed as JSON.
"""

import json
import os
import random
import resource
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from jaxcnn.weights import WeightsError, read
from tests.weights.hostile import hostile
from tests.weights.mutate import mutant, seeds

SPARE = 64 * 2**20


class Watch:
    """Reads files at one path and keeps what went wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.armed = False
        self.failures: list[str] = []
        self.events: Counter[str] = Counter()
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple) -> None:
        """Note what happens while a file is read."""
        if not self.armed or event == "mmap.__new__":
            return
        if event == "open" and arguments[0] == str(self.path) and is_reading(arguments):
            return
        self.events[event] += 1

    def read(self, data: bytes) -> str:
        """Read a file with these bytes, and every number in it: "read" or the error's name."""
        self.path.write_bytes(data)
        limit_memory(len(data) + SPARE)
        self.armed = True
        try:
            for array in read(self.path).values():
                np.array(array)
            return "read"
        except WeightsError:
            return "refused"
        except BaseException as error:
            return f"{type(error).__name__}: {error}"
        finally:
            self.armed = False
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)


def is_reading(arguments: tuple) -> bool:
    """Whether an "open" event is for reading alone."""
    _, mode, flags = arguments
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    return mode in ("r", "rb", None) and not flags & writing


def limit_memory(spare: int) -> None:
    """Let the process take this many more bytes of address space."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + spare
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def watch_hostile(watch: Watch, memory: bool) -> dict[str, Any]:
    """Read every hostile file for its time, and again for the memory that it makes us take."""
    slowest, most = 0.0, 0.0
    files = hostile()
    for name, (data, _) in files.items():
        begin = time.perf_counter()
        outcome = watch.read(data)
        slowest = max(slowest, time.perf_counter() - begin)
        if memory:
            tracemalloc.start()
            watch.read(data)
            most = max(most, (tracemalloc.get_traced_memory()[1] - len(data)) / 2**20)
            tracemalloc.stop()
        if outcome != "refused":
            watch.failures.append(f"{name}: {outcome}")
    found = {"files": len(files), "slowest_s": round(slowest, 3)}
    return found | ({"most_mb_over_file": round(most, 1)} if memory else {})


def watch_mutants(watch: Watch, count: int, seed: int) -> dict[str, Any]:
    """Read this many damaged files of each format."""
    found: dict[str, Any] = {}
    for kind, files in seeds().items():
        rng = random.Random(f"{kind} {seed}")
        outcomes: Counter[str] = Counter()
        slowest = 0.0
        for index in range(count):
            data = mutant(rng, files)
            begin = time.perf_counter()
            outcome = watch.read(data)
            slowest = max(slowest, time.perf_counter() - begin)
            outcomes[outcome] += 1
            if outcome not in ("read", "refused"):
                watch.failures.append(f"{kind}, seed {seed}, number {index}: {outcome}")
        found[kind] = {**outcomes, "slowest_s": round(slowest, 3)}
    return found


def main() -> None:
    count, seed = map(int, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(Path(folder) / "weights")
        good = [watch.read(data) for files in seeds().values() for data in files]
        watch.events.clear()
        findings: dict[str, Any] = {"hostile": watch_hostile(watch, "memory" in sys.argv)}
        findings["mutants"] = watch_mutants(watch, count, seed)
    if set(good) != {"read"}:
        watch.failures.append(f"good files: {good}")
    findings |= {"events": dict(watch.events), "failures": watch.failures[:20]}
    print(json.dumps(findings))


if __name__ == "__main__":
    main()
