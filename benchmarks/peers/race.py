"""A library that competes: its process, its turns, and whether it computes the same."""

import json
import math
import os
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import PEERS

ROOT = Path(__file__).parents[2]
RESNETS = {"resnet18", "resnet50"}
"""What the libraries without a collection of networks have here."""
ONLY = {"keras": RESNETS, "haiku": RESNETS, "equinox": RESNETS}
WITHOUT = {"torch": {"efficientnet_lite0"}, "torch.compile": {"efficientnet_lite0"}}
# As the lab has it, for all alike: small pages cost each library a tenth of its time.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
FIRST, LATER, HALF = 1e-4, 4e-2, 5e-2
"""By how much the first loss may differ, those after updates, and any in bf16; relative.

Two updates made 2e-2 of the rounding in Inception-v3, whose first losses differ by 2e-6.
"""


@dataclass
class Racer:
    """One library with one workload."""

    name: str
    python: str
    file: Path
    process: Any = None
    ready_s: float = 0.0
    peak_mb: float = 0.0
    error: str = ""
    values: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @staticmethod
    def all(model: str, table: str, file: Path) -> "list[Racer]":
        """Return the libraries that this machine has and that know the network."""
        found, wanted = [], re.compile(os.environ.get("PEERS", ""))
        for name, peer in PEERS.items():
            if name != "jaxcnn" and not wanted.search(name):
                continue
            python = os.environ.get(peer.environment) if peer.environment else sys.executable
            known = model in ONLY.get(name, {model}) and model not in WITHOUT.get(name, ())
            if python and known and (table in ("main", "latency", "bf16") or not peer.environment):
                found.append(Racer(name, python, file))
        return found

    def start(self) -> None:
        """Start the process and wait until it has computed the first step."""
        peer, pipe = PEERS[self.name], subprocess.PIPE
        words = ["-W", "ignore", "-m", "benchmarks.peers.worker", peer.module, peer.variant]
        self.process = subprocess.Popen(
            [self.python, *words, str(self.file)],
            cwd=ROOT,
            env={**HUGE_PAGES, **os.environ},
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL if not os.environ.get("VERBOSE") else None,
            text=True,
        )
        found = self.answer()
        self.ready_s = found.get("ready_s", 0.0)
        self.values.append(found.get("value", float("nan")))

    def go(self, count: int) -> None:
        """Compute so many steps."""
        if self.error:
            return
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        found = self.answer()
        self.seconds.append(found.get("seconds", float("nan")))
        self.values.append(found.get("value", float("nan")))

    def answer(self) -> dict[str, float]:
        line = self.process.stdout.readline()
        if not line:
            self.error = f"ended with code {self.process.wait()}"
            return {}
        found = json.loads(line)
        self.peak_mb = found["peak_mb"]
        return found

    @property
    def last(self) -> float:
        return self.seconds[-1]

    def result(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "median_s": statistics.median(self.seconds),
            "min_s": min(self.seconds),
            "ready_s": round(self.ready_s, 2),
            "peak_mb": self.peak_mb,
            "first_values": self.values[:3],
        }

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()


def agree(racers: list[Racer], half: bool) -> dict[str, str]:
    """Return which libraries do not compute what this one does, and why."""
    ours, failed = racers[0], {}
    for racer in racers:
        first, *later = [
            abs(a / b - 1) for a, b in zip(racer.values, ours.values, strict=False)
        ] or [math.inf]
        close = first <= (HALF if half else FIRST)
        close &= max(later, default=0) <= (HALF if half else LATER)
        if racer.error or not close:
            failed[racer.name] = racer.error or f"values {racer.values}, not {ours.values}"
    return failed
