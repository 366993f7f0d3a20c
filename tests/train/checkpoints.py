"""Small states for tests of checkpoints, and the six ways in which a file goes bad."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit

import jax
import jax.numpy as jnp
import numpy as np

from train.checkpoint import Checkpoints
from train.state import TrainState


def make_state(step: int, size: int = 3) -> TrainState:
    return TrainState(
        step=jnp.asarray(step, jnp.int32),
        params={"w": jax.random.normal(jax.random.key(step), (size,))},  # No zeros to compress.
        batch_stats={"mean": jnp.full((size,), -0.0, jnp.float32)},
        opt_state=(),
        key_data=jnp.zeros(2, jnp.uint32),
    )


def open_in(folder: Path, **options) -> Checkpoints:
    return Checkpoints(folder, **{"keep_last": 2, "keep_best": 1, **options})


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """Let the system refuse bytes beyond this size of a file, as a full disk does."""
    soft, hard = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        setrlimit(RLIMIT_FSIZE, (soft, hard))


def flip_bit(path: Path, other: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


def truncate(path: Path, other: bytes) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zero(path: Path, other: bytes) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def delete(path: Path, other: bytes) -> None:
    path.unlink()


def swap(path: Path, other: bytes) -> None:
    path.write_bytes(other)


def append(path: Path, other: bytes) -> None:
    path.write_bytes(path.read_bytes() + b"garbage")


WAYS: tuple[Callable[[Path, bytes], None], ...] = (
    flip_bit,
    truncate,
    zero,
    delete,
    swap,
    append,
)
"""What can happen to a file: `way(path, the file in its place in another checkpoint)`."""


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def counterpart(path: Path, folder: Path, other: Path) -> bytes:
    """Return what lies in the same place of another checkpoint: by name, or by order."""
    same = other / path.relative_to(folder)
    if not same.exists():
        beside = sorted(p for p in same.parent.glob("*") if p.is_file())
        order = sorted(p for p in path.parent.glob("*") if p.is_file())
        same = beside[min(order.index(path), len(beside) - 1)]
    return same.read_bytes()


def resealed(folder: Path, **facts) -> None:
    """Change facts of a manifest as a program would that knows nothing of its hash."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    values["content"].update(facts)
    path.write_text(json.dumps(values))


def same(state: TrainState, step: int) -> bool:
    wanted = make_state(step, len(state.params["w"]))
    pairs = [(state.params["w"], wanted.params["w"]), (state.step, wanted.step)]
    pairs += [(state.batch_stats["mean"], wanted.batch_stats["mean"])]
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)
