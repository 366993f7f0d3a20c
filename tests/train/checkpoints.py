"""Small states for tests of checkpoints, and a disk without room."""

import json
from collections.abc import Iterator
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
