"""Every model that torchvision has, against torchvision: logits on seeded weights, in f64.

One model of each family is compared in its training step too (gradients, running statistics) and
in single precision. Each model runs in a process of its own, since the largest need gigabytes.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.models import zoo_parity

ROOT = Path(__file__).parents[2]
LIMITS = {"logits": 1e-8, "grads": 1e-8, "stats": 1e-8, "single": 3e-4}
"""RegNet-X in single precision: 6e-5 on a processor with AVX-512, 1.3e-4 on one with AVX2."""


def run(count: int) -> dict[str, Any]:
    rows = []
    for name in zoo_parity.shared()[: count or None]:
        start = time.monotonic()
        rows.append({"model": name, **compared(name)})
        print(rows[-1], f"{time.monotonic() - start:.0f} s", flush=True)
    return {"limits": LIMITS, "rows": rows, "failures": [r["model"] for r in rows if failed(r)]}


def compared(name: str) -> dict[str, Any]:
    """Return the differences of one model, or what went wrong."""
    command = [sys.executable, "-m", "benchmarks.proofs.zoo", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        return {"error": done.stderr[-500:]}
    return json.loads(done.stdout.splitlines()[-1])


def failed(row: dict[str, Any]) -> bool:
    return "error" in row or any(row.get(key, 0.0) > limit for key, limit in LIMITS.items())


if __name__ == "__main__":
    print(json.dumps(zoo_parity.compare(sys.argv[1])))
