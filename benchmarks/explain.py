"""Occlusion, SmoothGrad and integrated gradients beside Captum's, and how the cost grows.

One ResNet-18 with the same weights in both; each method is called by turns, ours and Captum's,
on the same images, with as many copies at once. `CAPTUM_PYTHON` names a Python with captum, torch
and torchvision, in which `benchmarks/explain_peer.py` answers; without it only ours is timed.
"""

import functools
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn import create_model, explain, initialize
from jaxcnn.weights import to_torch

ROOT = Path(__file__).parents[1]
SIZE, BATCH, TARGET, AT_ONCE = 64, 2, 3, 16
METHODS = ("occlusion", "smooth_grad", "integrated_gradients")
SAMPLES = 32
GROWTH = (8, 16, 32, 64, 128)
"""Numbers of gradients of integrated gradients whose cost is compared."""


def run(count: int) -> dict[str, Any]:
    rounds = count or 5
    model = create_model("resnet18", num_classes=10)
    x = jax.random.normal(jax.random.key(1), (BATCH, SIZE, SIZE, 3))
    variables = initialize(model, jax.random.key(0), x.shape)
    noise = 0.2 * jax.random.normal(jax.random.key(2), (SAMPLES, BATCH, SIZE, SIZE, 3))
    calls = ours(model, variables, x, noise)
    python = os.environ.get("CAPTUM_PYTHON")
    if not python:
        print("CAPTUM_PYTHON is not set: ours alone", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "given.npz"
        images, draws = x.transpose(0, 3, 1, 2), noise.transpose(0, 1, 4, 2, 3)
        weights: Any = {
            f"weights/{name}": v
            for name, v in to_torch("resnet18", variables, num_classes=10).items()
        }
        np.savez(file, **weights, x=images, noise=draws)
        peer = Peer(python, file) if python else None
        rows = [compare(name, calls[name], peer, rounds) for name in METHODS]
        if peer:
            peer.process.terminate()
    growth = [grow(steps, calls["integrated_gradients"], rounds) for steps in GROWTH]
    setting = {"model": "resnet18", "size": SIZE, "batch": BATCH, "rounds": rounds}
    return {**setting, "samples": SAMPLES, "at_once": AT_ONCE, "rows": rows, "growth": growth}


def ours(model: Any, variables: Any, x: Any, noise: Any) -> dict[str, Callable[..., Any]]:
    """Return functions that compute maps with the options that the peer has too."""
    given = (model, variables, x, TARGET)
    chunk = {"chunk": AT_ONCE}
    occlusion = functools.partial(explain.occlusion, *given, window=8, stride=8, **chunk)
    smooth = functools.partial(explain.smooth_grad, *given, noise=noise, **chunk)
    integrated = functools.partial(explain.integrated_gradients, *given, **chunk)
    return {
        "occlusion": occlusion,
        "smooth_grad": smooth,
        "integrated_gradients": lambda steps=SAMPLES: integrated(steps=steps),
    }


class Peer:
    """Captum in another process, which computes one map for each line that it reads."""

    def __init__(self, python: str, file: Path):
        command = [python, "-W", "ignore", "-m", "benchmarks.explain_peer", str(file)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def __call__(self, name: str) -> tuple[float, np.ndarray]:
        """Return the seconds that it took, and the map."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        found = json.loads(self.process.stdout.readline())
        return found["seconds"], np.load(found["file"])


def compare(name: str, call: Callable[[], Any], peer: Peer | None, rounds: int) -> dict[str, Any]:
    """Return medians of both, by turns, after one call of each that is not counted."""
    own, _ = timed(call)
    row: dict[str, Any] = {"method": name, "first_s": round(own, 3)}
    mine, theirs = [], []
    if peer:
        _, expected = peer(name)
        row["difference"] = difference(call(), expected)
    for _ in range(rounds):
        mine.append(timed(call)[0])
        if peer:
            theirs.append(peer(name)[0])
    row["ms_per_image"] = round(1e3 * statistics.median(mine) / BATCH, 1)
    if peer:
        row["captum_ms_per_image"] = round(1e3 * statistics.median(theirs) / BATCH, 1)
        ratios = [b / a for a, b in zip(mine, theirs, strict=True)]
        row |= {"times_captum": round(statistics.median(ratios), 2), "ratios": ratios}
    print({key: value for key, value in row.items() if key != "ratios"}, flush=True)
    return row


def grow(steps: int, call: Callable[[int], Any], rounds: int) -> dict[str, Any]:
    """Return the cost of an image for a number of gradients."""
    timed(lambda: call(steps))
    seconds = statistics.median(timed(lambda: call(steps))[0] for _ in range(rounds))
    row = {"steps": steps, "ms_per_image": round(1e3 * seconds / BATCH, 1)}
    print(row, flush=True)
    return row


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = jax.block_until_ready(call())
    return time.perf_counter() - start, found


def difference(maps: Any, expected: np.ndarray) -> float:
    """Return the largest difference relative to the largest value."""
    expected = expected[..., 0] if maps.ndim == 3 else expected
    return float(jnp.abs(maps - expected).max() / np.abs(expected).max())
