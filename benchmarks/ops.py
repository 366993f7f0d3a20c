"""Single operations and their gradients: this library's, XLA's own as Flax calls it, PyTorch's.

For convolutions also as a product for each tap, so that the choice of `jaxcnn.ops` (`forms` in
`jaxcnn/ops/convolve_cpu.py`) can be read off. All compute by turns on the same arrays, and must
agree before they are timed; `TORCH_PYTHON` names a Python with torch. `ROWS` is a regular
expression of the rows wanted.
"""

import functools
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from jaxcnn import ops
from jaxcnn.ops import convolve_cpu
from jaxcnn.ops.native import native
from jaxcnn.ops.window import Window

ROOT = Path(__file__).parents[1]
ROUNDS, ROUND_S = 6, 0.1
PARTS = ("forward", "input", "kernel")


class Row(NamedTuple):
    """An operation on an input (N, H, W, C) with a window to K channels."""

    op: str
    part: str
    x: tuple[int, int, int, int]
    window: int
    features: int = 0
    stride: int = 1
    groups: int = 1
    dtype: str = "float32"

    @property
    def name(self) -> str:
        stride = f"/{self.stride}" if self.stride > 1 else ""
        groups = f" groups {self.groups}" if self.groups > 1 else ""
        shape = "x".join(map(str, self.x))
        arrow = f"->{self.features}" if self.features else ""
        kind = "" if self.dtype == "float32" else f" {self.dtype}"
        window = f"{self.window}x{self.window}{stride}"
        return f"{self.op} {window} {shape}{arrow}{groups}{kind} {self.part}"

    @property
    def padding(self) -> int:
        return 0 if self.op == "conv_transpose" else (self.window - 1) // 2


CONVS: Any = (
    *(((8, 56, 56, 64), 1, 256), ((8, 56, 56, 256), 1, 64), ((8, 14, 14, 1024), 1, 256)),
    *(((8, 7, 7, 512), 1, 2048), ((8, 56, 56, 64), 3, 64), ((8, 28, 28, 128), 3, 128)),
    *(((8, 14, 14, 256), 3, 256), ((8, 7, 7, 512), 3, 512), ((8, 28, 28, 128), 3, 32)),
    *(((8, 32, 32, 16), 3, 16), ((8, 224, 224, 3), 7, 64, 2), ((8, 56, 56, 128), 3, 128, 2)),
    *(((8, 56, 56, 256), 1, 512, 2), ((8, 56, 56, 144), 3, 144, 1, 144)),
    *(((8, 28, 28, 192), 3, 192, 2, 192), ((8, 28, 28, 256), 3, 256, 1, 32)),
    *(((8, 2, 2, 512), 3, 512), ((4, 224, 224, 3), 3, 64), ((16, 224, 224, 3), 3, 32, 2)),
    *(((128, 32, 32, 3), 3, 16), ((256, 28, 28, 1), 5, 6), ((256, 14, 14, 6), 5, 16)),
)
POOLS: Any = ((8, 112, 112, 64), 3, 0, 2), ((8, 56, 56, 64), 2, 0, 2), ((8, 28, 28, 192), 3, 0, 1)
MEANS: Any = ((8, 35, 35, 288), 3, 0, 1), ((8, 56, 56, 128), 2, 0, 2)
UPS: Any = ((4, 32, 32, 256), 2, 128, 2), ((4, 32, 32, 64), 4, 64, 2)
TABLE = (
    *(Row("conv", part, *shape) for shape in CONVS for part in PARTS),
    *(Row("max_pool", "gradient", *shape) for shape in POOLS),
    Row("max_pool", "gradient", *POOLS[0], dtype="bfloat16"),
    *(Row("avg_pool", part, *shape) for shape in MEANS for part in ("forward", "gradient")),
    *(Row("conv_transpose", part, *shape) for shape in UPS for part in PARTS),
    *(
        Row("conv", part, *shape, dtype="bfloat16")
        for shape in (CONVS[1], CONVS[5], CONVS[13])
        for part in PARTS
    ),
)


def run(count: int) -> dict[str, Any]:
    wanted, rows = re.compile(os.environ.get("ROWS", "")), []
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(Path(folder))
        for row in TABLE:
            if wanted.search(row.name):
                rows.append({**row._asdict(), "name": row.name, **compare(row, peer, count)})
                print(told(rows[-1]), flush=True)
        peer.stop()
    failed = [r["name"] for r in rows if r["off"] > (1e-4 if r["dtype"] == "float32" else 0.05)]
    return {"rounds": count or ROUNDS, "rows": rows, "failures": failed}


def compare(row: Row, peer: "Peer", count: int) -> dict[str, Any]:
    """Return the seconds of each way, by turns, and by how much they differ."""
    arrays = arrays_of(row)
    calls: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for name, function in functions(row).items():
        way = jax.jit(part_of(row, function))
        found[name] = way(*arrays)
        calls[name] = functools.partial(repeated, way, arrays)
    if peer.process:
        found["torch"] = peer.begin(row, arrays)
        calls["torch"] = peer.repeated
    expected = np.float32(found.pop("flax"))
    off = max(float(np.abs(np.float32(y) - expected).max()) for y in found.values())
    times = {name: max(1, round(ROUND_S / call(2))) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(count or ROUNDS):
        for name in sorted(calls, reverse=bool(turn % 2)):
            seconds[name].append(calls[name](times[name]))
    return {"seconds": seconds, "off": off / float(np.abs(expected).max())}


def arrays_of(row: Row) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    inner = row.x[-1] // row.groups
    shapes = [row.x, (row.window, row.window, inner, row.features)]
    function = next(iter(functions(row).values()))
    specs = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    shapes.append(jax.eval_shape(function, *specs).shape)
    return tuple(jnp.asarray(rng.normal(size=shape), row.dtype) for shape in shapes)


def functions(row: Row) -> dict[str, Callable[..., Any]]:
    """Return the ways to compute an operation of input and kernel."""
    stride, groups, pad = row.stride, row.groups, row.padding
    pairs: Any = ((pad, pad),) * 2
    if row.op in ("max_pool", "avg_pool"):
        window, steps = (row.window,) * 2, (stride, stride)
        ours, theirs = getattr(ops, row.op), getattr(nn, row.op)
        return {
            "jaxcnn": lambda x, _: ours(x, row.window, stride=stride, padding=pad),
            "flax": lambda x, _: theirs(x, window, steps, pairs),
        }
    if row.op == "conv_transpose":
        return {
            "jaxcnn": lambda x, k: ops.conv_transpose(x, k, stride=stride),
            "flax": lambda x, k: lax.conv_transpose(x, k[::-1, ::-1], (stride,) * 2, "VALID"),
        }
    sizes = row.x[1:3]
    output = tuple((n + 2 * pad - row.window) // stride + 1 for n in sizes)
    place = Window(sizes, (row.window,) * 2, (stride,) * 2, pairs, (1, 1), output, (0, 0))
    found: dict[str, Callable[..., Any]] = {
        "jaxcnn": lambda x, k: ops.conv(x, k, stride=stride, padding=pad, groups=groups),
        "flax": lambda x, k: native(x, k, place, groups, None),
    }
    if groups == 1 and row.window > 1:
        found["dots"] = lambda x, k: convolve_cpu.dots(x, k, place, groups, None)
    return found


def part_of(row: Row, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of input, kernel and cotangent that computes a part of the work."""

    def forward(x: Any, k: Any, g: Any) -> Any:
        return function(x, k)

    def input_gradient(x: Any, k: Any, g: Any) -> Any:
        return jax.vjp(lambda x: function(x, k), x)[1](g)[0]

    def kernel_gradient(x: Any, k: Any, g: Any) -> Any:
        return jax.vjp(lambda k: function(x, k), k)[1](g)[0]

    parts = {"forward": forward, "input": input_gradient, "gradient": input_gradient}
    return parts.get(row.part, kernel_gradient)


def repeated(way: Any, arrays: Any, count: int) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    for _ in range(count):
        y = way(*arrays)
    jax.block_until_ready(y)  # type: ignore[possibly-unbound]
    return (time.perf_counter() - start) / count


class Peer:
    """PyTorch in another process, where there is one."""

    def __init__(self, folder: Path):
        python, pipe = os.environ.get("TORCH_PYTHON"), subprocess.PIPE
        self.file, self.process = folder / "arrays.npz", None
        if python:
            command = [python, "-W", "ignore", "-m", "benchmarks.peers.torch_ops", str(self.file)]
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def ask(self, **words: Any) -> dict[str, Any]:
        assert self.process and self.process.stdin and self.process.stdout  # noqa: PT018
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def begin(self, row: Row, arrays: Any) -> np.ndarray:
        """Give it a row; return its result."""
        names = ("x", "kernel", "cotangent")
        given = dict(zip(names, (np.float32(a) for a in arrays), strict=True))
        np.savez(self.file, **given)  # type: ignore[arg-type]
        self.ask(row={**row._asdict(), "padding": row.padding})
        return np.load(self.file.with_suffix(".npy"))

    def repeated(self, count: int) -> float:
        return self.ask(count=count)["seconds"]

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()


def told(row: dict[str, Any]) -> str:
    ours = row["seconds"]["jaxcnn"]
    parts = []
    for name, seconds in row["seconds"].items():
        ratio = statistics.median(b / a for a, b in zip(ours, seconds, strict=True))
        parts.append(f"{name} {1e3 * statistics.median(seconds):.2f} ms x{ratio:.2f}")
    return f"{row['name']}: " + ", ".join(parts) + f"; off {row['off']:.1e}"
