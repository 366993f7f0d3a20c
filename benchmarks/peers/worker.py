"""A peer in a process of its own: for each line it reads, so many steps, timed.

python -m benchmarks.peers.worker MODULE VARIANT FILE.npz
"""

import importlib
import json
import sys
import time
from typing import Any

import numpy as np

from train.memory import peak_mb


def main() -> None:
    module, variant, file = sys.argv[1:]
    with np.load(file) as archive:
        given = dict(archive)
    spec = {**json.loads(str(given.pop("spec"))), "variant": variant}
    start = time.perf_counter()
    step, value = importlib.import_module(f"benchmarks.peers.{module}").build(spec, given)
    first = value(step())
    tell(ready_s=time.perf_counter() - start, value=first)
    for line in sys.stdin:
        tell(**timed(step, value, int(line)))


def timed(step: Any, value: Any, count: int) -> dict[str, float]:
    """Return the seconds of one step, and the value of the last."""
    start = time.perf_counter()
    for _ in range(count - 1):
        step()
    found = value(step())
    return {"seconds": (time.perf_counter() - start) / count, "value": found}


def tell(**found: float) -> None:
    print(json.dumps({**found, "peak_mb": round(peak_mb())}), flush=True)


if __name__ == "__main__":
    main()
