"""The default run over five splits and seeds: test accuracy with the final parameters, and time."""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.lab import complete

TARGET_TOP1 = 0.989
TARGET_SECONDS = 90


def run(count: int) -> dict[str, Any]:
    rows = []
    for seed in range(count or 5):
        with tempfile.TemporaryDirectory() as folder:
            summary, seconds = complete(Path(folder), "digits", "--seed", str(seed))
        rows.append({"seed": seed, **summary["test"], "seconds": round(seconds, 1)})
        print(rows[-1], flush=True)
    top1 = [row["top1"] for row in rows]
    mean, worst = statistics.mean(top1), max(row["seconds"] for row in rows)
    spread = statistics.stdev(top1) if len(top1) > 1 else 0.0
    print(f"test top-1 {mean:.4f} +- {spread:.4f} (standard deviation), at most {worst} s")
    failures = [] if mean >= TARGET_TOP1 else [f"mean top-1 {mean:.4f} < {TARGET_TOP1}"]
    failures += [] if worst <= TARGET_SECONDS else [f"{worst} s > {TARGET_SECONDS} s"]
    return {"rows": rows, "mean_top1": mean, "stdev_top1": spread, "failures": failures}
