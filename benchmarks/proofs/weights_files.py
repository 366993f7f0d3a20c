"""Files of weights: hostile and damaged ones under watch; time and memory of ResNet-50's.

The files are read in processes of their own: see `tests/weights/audited.py` for the watch.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import unflatten_dict
from safetensors.numpy import save_file

import jaxcnn
from benchmarks.lab import ROOT
from jaxcnn.weights import read
from jaxcnn.weights.convert import abstract_variables, from_arrays, to_arrays
from tests.weights.assemble import state_dict

MUTANTS = 10_000
REPEATS = 5
MODEL = "resnet50"
MAX_SECONDS = 2.0
MAX_RISE = 2.5
"""Times the file, over a process that has built the model."""
MAX_MB = 64.0
"""Over the file."""

WRITERS: dict[str, Callable[[Path, dict[str, np.ndarray]], Any]] = {
    ".pth": lambda path, arrays: path.write_bytes(state_dict(arrays)),
    ".safetensors": lambda path, arrays: save_file(arrays, path),
    ".npz": lambda path, arrays: np.savez(path, allow_pickle=False, **arrays),
}


def run(count: int = 0) -> dict[str, Any]:
    """Read `count` damaged files of each format (0 = 10,000), then ResNet-50's file five times."""
    watched = child("tests.weights.audited", str(count or MUTANTS), "0", "memory")
    loads = resnet_loads()
    print(json.dumps({**watched, "loads": loads}, indent=1))
    failures = watched.pop("failures")
    failures += [f"while reading: {event}" for event in watched["events"]]
    failures += [f"{load} is too slow" for load in loads if load["seconds"] > MAX_SECONDS]
    failures += [f"{load} takes too much" for load in loads if load["rise"] > MAX_RISE]
    if watched["hostile"]["most_mb_over_file"] > MAX_MB:
        failures.append(f"a hostile file takes {watched['hostile']['most_mb_over_file']} MB")
    return {**watched, "loads": loads, "failures": failures}


def resnet_loads() -> list[dict[str, Any]]:
    """Return the figures of loading ResNet-50 from each format, the median of some processes."""
    shapes = abstract_variables(MODEL, jaxcnn.create_model(MODEL))
    rng = np.random.default_rng(0)
    flat = {path: rng.random(leaf.shape, np.float32) for path, leaf in shapes.items()}
    arrays = to_arrays(MODEL, unflatten_dict(flat))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, write in WRITERS.items():
            path = Path(folder) / f"resnet50{name}"
            write(path, arrays)
            done = [child("benchmarks.proofs.weights_files", str(path)) for _ in range(REPEATS)]
            row = sorted(done, key=lambda found: found["seconds"])[REPEATS // 2]
            rows.append({"format": name, "file_mb": round(path.stat().st_size / 2**20, 1), **row})
    return rows


def child(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module in a process of its own and return what it printed."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def measure(path: Path) -> dict[str, float]:
    """Load a file in a process that has built the model: seconds, and the rise of peak memory."""
    model = jaxcnn.create_model(MODEL)
    shapes = abstract_variables(MODEL, model)
    built = jax.block_until_ready({path: jnp.zeros(leaf.shape) for path, leaf in shapes.items()})
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on
    before = memory("VmRSS")
    begin, begin_processor = time.perf_counter(), time.process_time()
    arrays = read(path)
    read_seconds = time.perf_counter() - begin
    # Not jnp.asarray: its copies of transposed arrays add 0.6 of the file.
    variables = jax.block_until_ready(jax.device_put(from_arrays(MODEL, arrays)))
    seconds = time.perf_counter() - begin
    peak = memory("VmHWM")
    del built, variables
    return {
        "read_seconds": round(read_seconds, 3),
        "seconds": round(seconds, 3),
        "processor_seconds": round(time.process_time() - begin_processor, 3),
        "rise": round((peak - before) / path.stat().st_size, 2),
    }


def memory(field: str) -> int:
    """Return a field of this process's memory in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
