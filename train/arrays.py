"""Trees of arrays on the disk; Orbax is seen only here."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from train.errors import UserError

ALONE = ocp.options.MultiprocessingOptions(
    primary_host=0, active_processes={0}, barrier_sync_key_prefix="jaxcnn"
)
"""One process writes and reads for all: Orbax is not to wait for the others."""


def copied(tree: Any) -> Any:
    """Return the tree as numpy arrays of its own: the training goes on to overwrite the others."""
    return jax.tree.map(np.array, jax.device_get(tree))


def write(folder: Path, tree: Any) -> None:
    """Write a tree of numpy arrays."""
    handler = ocp.StandardCheckpointHandler(multiprocessing_options=ALONE)
    with (
        _one_error(),
        ocp.Checkpointer(handler, multiprocessing_options=ALONE) as checkpointer,
    ):
        checkpointer.save(folder.absolute(), args=ocp.args.StandardSave(tree))


@contextlib.contextmanager
def _one_error() -> Iterator[None]:
    """Let the first array that cannot be written speak for all.

    Orbax writes them at once and closes its event loop at the first error; the others go on, and
    each that ends prints that the loop is closed. After an error this stays so.
    """
    shown = sys.unraisablehook

    def show(caught: Any) -> None:
        if str(caught.exc_value) != "Event loop is closed":
            shown(caught)

    sys.unraisablehook = show
    yield
    sys.unraisablehook = shown


def read(folder: Path, like: Any) -> Any:
    """Return a tree of numpy arrays with the structure, shapes and types of `like`."""
    wanted = jax.tree.map(lambda x: np.broadcast_to(np.zeros((), x.dtype), x.shape), like)
    handler = ocp.StandardCheckpointHandler(multiprocessing_options=ALONE)
    with ocp.Checkpointer(handler, multiprocessing_options=ALONE) as checkpointer:
        return checkpointer.restore(folder.absolute(), args=ocp.args.StandardRestore(wanted))


def describe(tree: Any) -> dict[str, str]:
    """Return shape and type of every array by its path."""
    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): f"{tuple(x.shape)} {x.dtype}"
        for path, x in flat
    }


def check(step: int, saved: dict[str, str], wanted: dict[str, str]) -> None:
    """Raise an error that names the arrays in which a checkpoint differs from what is needed."""
    lines = [
        f"  {path}: saved {saved.get(path, 'nothing')}, needed {wanted.get(path, 'nothing')}"
        for path in sorted(saved.keys() | wanted.keys())
        if saved.get(path) != wanted.get(path)
    ]
    if lines:
        raise UserError(
            f"checkpoint {step} belongs to another network or another number of classes "
            f"({len(lines)} of {len(wanted)} arrays differ); start anew with --fresh, or "
            "choose another --workdir:\n" + "\n".join(lines[:8])
        )
