"""fashion_mnist_cnn once: test accuracy with the final parameters, and time."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.lab import complete

TARGET_TOP1 = 0.925
TARGET_SECONDS = 900


def run(count: int) -> dict[str, Any]:
    rows = []
    for seed in range(count or 1):
        with tempfile.TemporaryDirectory() as folder:
            summary, seconds = complete(Path(folder), "fashion_mnist_cnn", "--seed", str(seed))
        trained = summary["train_seconds"]
        rows.append({"seed": seed, **summary["test"], "train_seconds": trained, "seconds": seconds})
        print(rows[-1], flush=True)
    failures = [row for row in rows if row["top1"] < TARGET_TOP1]
    failures += [row for row in rows if row["train_seconds"] > TARGET_SECONDS]
    return {"rows": rows, "failures": failures}
