"""Recipes for Fashion-MNIST once each: test accuracy with the final parameters, and time."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.lab import complete

LEAST_TOP1 = {"fashion_mnist_hour": 0.94, "fashion_mnist_cnn": 0.925}
MOST_SECONDS = {"fashion_mnist_hour": 3700, "fashion_mnist_cnn": 900}


def run(count: int) -> dict[str, Any]:
    rows = []
    for seed in range(count or 1):
        rows += [train(name, seed) for name in LEAST_TOP1]
    return {"rows": rows, "failures": [row for row in rows if not good(row)]}


def train(name: str, seed: int) -> dict[str, Any]:
    """Train as a user does; return what the summary says."""
    with tempfile.TemporaryDirectory() as folder:
        summary, seconds = complete(Path(folder), name, "--seed", str(seed))
    row = {"config": name, "seed": seed, **summary["test"]}
    row |= {"train_seconds": summary["train_seconds"], "seconds": seconds}
    print(row, flush=True)
    return row


def good(row: dict[str, Any]) -> bool:
    """Say whether one row is as accurate and as quick as its config says."""
    name = row["config"]
    return row["top1"] >= LEAST_TOP1[name] and row["train_seconds"] <= MOST_SECONDS[name]
