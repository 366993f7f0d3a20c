"""Exact search beside faiss' flat index, in turns in one run; growth; memory; approximate search.

Vectors are drawn around 1,000 centres, as descriptors of images lie: 256 coordinates, length 1.
Threads of OpenMP sleep while they wait, so that they take no time from others.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lab import ROOT

QUERIES, DIM, K = 1_000, 256, 10
SIZES = (10_000, 100_000, 1_000_000)
ENGINES = ("jaxcnn", "faiss")


def run(count: int) -> dict[str, Any]:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # read when faiss is imported
    rows = [beside(size, (count or 5) if size < 1_000_000 else 2) for size in SIZES]
    for row in rows:
        print(row, flush=True)
    memory = {engine: child("memory", engine) for engine in ENGINES}
    found = {"rows": rows, "memory_100k": memory, "approximate": approximate()}
    print(found["memory_100k"], found["approximate"], flush=True)
    middle = rows[1]["relative_speed_wall"]
    return found | {"failures": [] if middle >= 0.7 else [f"{middle:.2f} of faiss' speed"]}


def draw(count: int, seed: int) -> np.ndarray:
    """Return vectors of length 1 around the same centres."""
    centres = np.random.default_rng(0).normal(size=(1000, DIM)).astype(np.float32)
    draw = np.random.default_rng(seed)
    x = centres[draw.integers(0, 1000, count)]
    x += draw.standard_normal((count, DIM), np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def engine(name: str, vectors: np.ndarray) -> Callable[[np.ndarray], Any]:
    """Return what answers queries with scores and numbers."""
    if name == "jaxcnn":
        from jaxcnn.retrieval import search

        return lambda queries: search(queries, vectors, K)
    from jaxcnn.retrieval.approximate import library

    faiss = library()
    faiss.omp_set_num_threads(os.cpu_count())
    index = faiss.IndexFlatIP(DIM)
    index.add(vectors)
    return lambda queries: index.search(queries, K)


def beside(size: int, repeats: int) -> dict[str, Any]:
    """Return the times of both engines, which take turns."""
    vectors, queries = draw(size, 1), draw(QUERIES, 2)
    engines = {name: engine(name, vectors) for name in ENGINES}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ENGINES}
    answers = {name: answer(queries) for name, answer in engines.items()}  # compiles, warms up
    for _ in range(repeats):
        for name, answer in engines.items():
            wall, work = time.perf_counter(), time.process_time()
            answer(queries)
            times[name].append((time.perf_counter() - wall, time.process_time() - work))
    ours, theirs = (np.array(times[name]) for name in ENGINES)
    (a, ids), (b, other) = answers["jaxcnn"], answers["faiss"]
    return {
        "vectors": size,
        "queries": QUERIES,
        "seconds": {name: np.array(times[name])[:, 0].round(3).tolist() for name in ENGINES},
        "cpu_seconds": {name: np.array(times[name])[:, 1].round(3).tolist() for name in ENGINES},
        "relative_speed_wall": round(float(np.median(theirs[:, 0]) / np.median(ours[:, 0])), 3),
        "relative_speed_cpu": round(float(np.median(theirs[:, 1]) / np.median(ours[:, 1])), 3),
        "largest_difference_of_scores": float(np.abs(a - b).max()),
        "same_ids": round(float((ids == other).mean()), 5),
    }


def memory(name: str) -> dict[str, float]:
    """Return what searching 100,000 vectors adds to the memory of a process that has them, MB."""
    vectors, queries = draw(100_000, 1), draw(QUERIES, 2)
    engine(name, vectors[:1000])(queries)  # imports and compiles
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = status("VmRSS")
    engine(name, vectors)(queries)
    return {"mb_before": round(before), "mb_added": round(status("VmHWM") - before)}


def status(key: str) -> float:
    """Return memory of this process in MB: now (VmRSS) or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def child(*words: str) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.search", *words]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def approximate(size: int = 100_000) -> dict[str, Any]:
    """Return recall and speed of the inverted file, tuned on other queries."""
    from jaxcnn.retrieval import Approximate, Index
    from jaxcnn.retrieval.approximate import overlap

    queries = draw(QUERIES, 2)
    with tempfile.TemporaryDirectory() as folder:
        index = Index.create(Path(folder) / "index", DIM, {})
        index.add(draw(size, 1), list(map(str, range(size))))
        began = time.perf_counter()
        found = Approximate.build(index)
        built = time.perf_counter() - began
        found.tune(index, draw(200, 3), recall=0.985, k=K)
        exact, answer = index.search(queries, K), found.search(queries, K)
        times = []
        for _ in range(5):
            began, work = time.perf_counter(), time.process_time()
            answer = found.search(queries, K)
            times.append((time.perf_counter() - began, time.process_time() - work))
    wall, work = np.median(times, axis=0)
    return {
        "vectors": size,
        "recall_at_10": round(overlap(answer.ids, exact.ids), 4),
        "lists": found.lists,
        "probes": found.probes,
        "seconds_to_build": round(built, 1),
        "queries_per_second": round(QUERIES / wall),
        "cpu_seconds": round(float(work), 3),
    }


if __name__ == "__main__":
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    print(json.dumps(memory(sys.argv[2])))
