"""Every file of a checkpoint damaged in six ways: what is loaded then, and by Orbax alone."""

import contextlib
import io
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.damage import WAYS, counterpart, files
from benchmarks.forked import Forks
from benchmarks.proofs.kill import ARGUMENTS, outcome
from benchmarks.table import show
from train import arrays, cli
from train.checkpoint import Checkpoints
from train.setup import prepare
from train.state import TrainState


def run(count: int) -> dict[str, Any]:
    """Damage the newest checkpoint of a real run: file by file, and way by way."""
    with Forks() as forks:
        reference = forks.folder / "reference"
        forks.complete(reference, *ARGUMENTS)
        like = initial_state()
        older, newest = sorted(int(p.name) for p in (reference / "checkpoints/last").iterdir())
        intact = {step: stored(reference, step, like) for step in (older, newest)}
        rows = []
        for name in files(reference / "checkpoints/last" / str(newest)):
            for way in WAYS:
                rows.append(once(reference, name, way, intact, like))
        rows = rows[: count or None]
        ends = [end(forks, reference, way, newest) for way in WAYS][: count or None]
    show(table(rows))
    failures = [row for row in rows if not row["right"]] + [row for row in ends if not row["equal"]]
    return {"rows": rows, "resumed": ends, "failures": failures}


def initial_state() -> TrainState:
    """Return the state that a resuming run asks for."""
    from configs.digits import config

    name, rest = cli.split_arguments(ARGUMENTS)
    return prepare(cli.parse(name, config(), rest, "").config).initial_state()


def stored(workdir: Path, step: int, like: TrainState) -> TrainState:
    """Return what Orbax reads, without asking any manifest."""
    return arrays.read(workdir / f"checkpoints/last/{step}/state", like)


def equal(one: Any, other: Any) -> bool:
    """Say whether two trees are equal bit for bit."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)


def once(
    reference: Path, path: Path, way: Any, intact: dict[int, TrainState], like: TrainState
) -> dict[str, Any]:
    """Damage one file of a copy, and load it with the manifest and without."""
    older, newest = sorted(intact)
    copy = reference.with_name("copy")
    shutil.copytree(reference, copy)
    last, damaged = copy / "checkpoints/last", copy / path.relative_to(reference)
    before = damaged.read_bytes()
    way(damaged, counterpart(damaged, last / str(newest), last / str(older)))
    changed = not damaged.exists() or damaged.read_bytes() != before
    with contextlib.redirect_stderr(io.StringIO()) as told:
        alone = orbax_alone(copy, newest, intact[newest], like)
        found = Checkpoints(copy / "checkpoints", keep_last=2, keep_best=1).restore(like)
    assert found is not None
    step = int(found[0].step)
    shutil.rmtree(copy)
    named = f"checkpoint {newest} is damaged" in told.getvalue()
    right = equal(found[0], intact[step]) and (step, named) == (
        (older, True) if changed else (newest, False)
    )
    name = path.relative_to(reference / "checkpoints/last" / str(newest)).as_posix()
    row = {"file": name, "bytes": len(before), "way": way.__name__, "changed": changed}
    return row | {"step": step, "named": named, "right": right, "orbax_alone": alone}


def orbax_alone(workdir: Path, step: int, wanted: TrainState, like: TrainState) -> str:
    """Return what becomes of the damaged step without a manifest."""
    try:
        found = stored(workdir, step, like)
    except Exception as error:
        return f"error: {type(error).__name__}"
    return "right" if equal(found, wanted) else "silently wrong"


def end(forks: Forks, reference: Path, way: Any, newest: int) -> dict[str, Any]:
    """Damage the largest file, take the end of the run away, and run the same command again."""
    copy = forks.folder / "resumed"
    shutil.copytree(reference, copy)
    (copy / "summary.json").unlink()
    last = copy / "checkpoints/last"
    path = max(files(last / str(newest)), key=lambda path: path.stat().st_size)
    other = next(p for p in last.iterdir() if p.name != str(newest))
    way(path, counterpart(path, last / str(newest), other))
    forks.complete(copy, *ARGUMENTS)
    row = {"way": way.__name__, "equal": outcome(copy) == outcome(reference)}
    shutil.rmtree(copy)
    return row


def table(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Return one line for each way."""
    lines: list[list[Any]] = [
        [
            "damage",
            "files",
            "named and passed over",
            "silently wrong",
            "Orbax alone, silently wrong",
        ]
    ]
    for way in WAYS:
        own = [row for row in rows if row["way"] == way.__name__ and row["changed"]]
        named = sum(row["named"] and row["right"] for row in own)
        alone = sum(row["orbax_alone"] == "silently wrong" for row in own)
        wrong = sum(not row["right"] for row in own)
        lines.append([way.__name__, len(own), named, wrong, alone])
    return lines
