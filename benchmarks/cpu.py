"""Training and inference of whole networks beside other libraries, on this machine's cores.

Every library has a process of its own, the same weights, images and labels, and computes by turns:
2 warm-up steps, then 6 rounds, whose order rotates. A turn begins with a step that does not count:
memory that was idle for some seconds may have been taken away. Losses of the first steps must
agree before anything is timed. All have their memory in huge pages, as the lab has. Plain Flax is
always there; the others where an environment variable names a Python that has them: `TORCH_PYTHON`
(torch, torchvision), `KERAS_PYTHON`, `HAIKU_PYTHON`, `EQUINOX_PYTHON`. `ROWS` is a regular
expression of the rows wanted, such as `resnet50.*train`, and `PEERS` one of the libraries.
"""

import itertools
import math
import os
import re
import statistics
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers.given import write
from benchmarks.peers.race import Racer, agree

ROUNDS, WARM_UP = 6, 2
ROUND_S = 0.5
"""A round lasts at least so long: quick steps are repeated."""


class Workload(NamedTuple):
    """A network, how it is used, and on how many images of which size."""

    table: str
    model: str
    batch: int
    size: int
    train: bool
    fields: dict[str, Any] = {}

    @property
    def name(self) -> str:
        kind = "train" if self.train else "infer"
        dtype = " bf16" if self.fields.get("dtype") else ""
        return f"{self.table} {self.model} {self.batch} {self.size} {kind}{dtype}"


HALF = {"dtype": "bfloat16"}
BOTH = (True, False)
NETWORKS = (
    *(("resnet18", 16, 224), ("resnet50", 8, 224), ("vgg16", 4, 224), ("googlenet", 16, 224)),
    *(("inception_v3", 8, 299), ("densenet121", 8, 224), ("mobilenet_v2", 16, 224)),
    *(("efficientnet_lite0", 16, 224), ("unet_padded", 2, 128), ("lenet5", 256, 28)),
    ("resnet20", 128, 32),
)
GROWTH = (
    *(("batch", "resnet18", batch, 112) for batch in (1, 4, 16, 64)),
    *(("resolution", "resnet18", 4, size) for size in (64, 128, 256, 384)),
    *(("depth", name, 4, 112) for name in ("resnet18", "resnet34", "resnet50", "resnet101")),
)
WORKLOADS = (
    *(Workload("main", *network, train) for network in NETWORKS for train in BOTH),
    *(Workload("latency", name, 1, size, False) for name, _, size in NETWORKS),
    *(Workload("bf16", n, b, s, train, HALF) for n, b, s in NETWORKS[:2] for train in BOTH),
    *(Workload(*growth, True) for growth in GROWTH),
)


def wanted() -> list[Workload]:
    """Return the rows that were asked for."""
    rows = re.compile(os.environ.get("ROWS", ""))
    return [workload for workload in WORKLOADS if rows.search(workload.name)]


def run(count: int) -> dict[str, Any]:
    rows = []
    for workload in wanted():
        rows.append(race(workload, count or ROUNDS))
        print(told(rows[-1]), flush=True)
    failed = [f"{r['name']}: {peer}" for r in rows for peer in r["failed"]]
    return {"rounds": count or ROUNDS, "warm_up": WARM_UP, "rows": rows, "failures": failed}


def race(workload: Workload, rounds: int) -> dict[str, Any]:
    """Return the seconds of each library for a workload, and their ratios to plain Flax's."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "given.npz"
        write(file, workload._asdict())
        half = "dtype" in workload.fields
        racers = Racer.all(workload.model, workload.table, file)
        try:
            return {**workload._asdict(), "name": workload.name, **measured(racers, rounds, half)}
        finally:
            for racer in racers:
                racer.stop()


def measured(racers: list[Racer], rounds: int, half: bool) -> dict[str, Any]:
    before = os.getloadavg()[0]
    for racer in racers:
        racer.start()  # one after the other: compiling takes all cores
    for _ in range(WARM_UP):
        for racer in racers:
            racer.go(1)
    failed = agree(racers, half)
    running = [racer for racer in racers if racer.name not in failed]
    quickest = min(racer.last for racer in running)
    repeat = max(1, math.ceil(ROUND_S / quickest))
    for racer in running:
        racer.seconds.clear()
    for turn in range(rounds):
        for racer in itertools.islice(itertools.cycle(running), turn, turn + len(running)):
            racer.go(1)
            racer.seconds.pop()
            racer.go(repeat)
    return {
        "repeat": repeat,
        "load": [round(before, 2), round(os.getloadavg()[0], 2)],
        "peers": {racer.name: racer.result() for racer in running},
        "failed": failed,
    }


def told(row: dict[str, Any]) -> str:
    """Return a line on a row."""
    ours = row["peers"]["jaxcnn"]["seconds"]
    parts = []
    for name, peer in row["peers"].items():
        ratios = [theirs / mine for mine, theirs in zip(ours, peer["seconds"], strict=True)]
        middle = f"{1e3 * statistics.median(peer['seconds']):.1f} ms"
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        parts.append(f"{name} {middle} x{ratio}")
    return f"{row['name']}: " + ", ".join(parts + [f"FAILED {name}" for name in row["failed"]])
