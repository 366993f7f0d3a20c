"""Saving and resuming; Orbax is seen only here.

`DIR/last/STEP` holds everything that resuming needs, `DIR/best/STEP` the variables that
scored best on the validation split.
"""

import contextlib
import errno
import logging
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from train.errors import RESTART, UserError
from train.state import TrainState

Host = dict[str, Any]
"""JSON-able side of a checkpoint: data position, running sums of metrics."""

LOGGERS = ("absl", "concurrent.futures")
"""Where failing threads of Orbax and of TensorStore write their tracebacks."""


class Checkpoints:
    """The checkpoints of one run, written asynchronously and atomically."""

    def __init__(self, directory: Path, *, keep_last: int, keep_best: int):
        self._keep_best, self._folder = keep_best, directory / "last"
        self._scores: dict[int, float] = {}
        policies = ocp.checkpoint_managers
        self._last = _manager(self._folder, policies.LatestN(max(keep_last, 1)))
        self._best = _manager(
            directory / "best",
            policies.BestN(get_metric_fn=lambda m: m["top1"], n=max(keep_best, 1)),
        )

    def latest(self) -> int | None:
        """Return the newest complete step, or None."""
        return self._last.latest_step()

    def save(self, state: TrainState, host: Host, *, wait: bool = False) -> None:
        """Save everything, unless this step is saved already; with `wait`, return when it is.

        The best checkpoints that it speaks of are complete before it is.
        """
        step = int(state.step)
        with _guard(self._folder):
            self._best.wait_until_finished()
            if step not in self._last.all_steps():
                host = {**host, "best": {str(s): top1 for s, top1 in self._scores.items()}}
                args = ocp.args.Composite(
                    state=ocp.args.StandardSave(state), host=ocp.args.JsonSave(host)
                )
                saved = self._last.save(step, args=args)
                assert saved, f"checkpoint {step} was refused"
            if wait:
                self._last.wait_until_finished()

    def save_best(self, state: TrainState, top1: float) -> None:
        """Save the variables if they are among the best on the validation split."""
        scores = {**self._scores, int(state.step): top1}
        best = sorted(scores, key=lambda step: (-scores[step], step))[: self._keep_best]
        if int(state.step) in best:
            with _guard(self._folder):
                args = ocp.args.Composite(state=ocp.args.StandardSave(state.variables))
                saved = self._best.save(int(state.step), args=args, metrics={"top1": top1})
                assert saved, f"best checkpoint {int(state.step)} was refused"
            self._scores = {step: scores[step] for step in best}

    def restore(self, like: TrainState) -> tuple[TrainState, Host]:
        """Return the newest state, shaped and placed as `like`, and the host's side of it."""
        step = self.latest()
        assert step is not None
        self._check_shapes(step, like)
        abstract = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), like
        )
        restored = self._last.restore(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardRestore(abstract), host=ocp.args.JsonRestore()
            ),
        )
        host = restored["host"]
        self._scores = {int(s): top1 for s, top1 in host.pop("best").items()}
        for unknown in set(self._best.all_steps()) - self._scores.keys():
            self._best.delete(unknown)  # of a future that is about to happen again
        return restored["state"], host

    def poll(self) -> None:
        """Raise what a save in the background has failed with."""
        with _guard(self._folder):
            self._last.check_for_errors()
            self._best.check_for_errors()

    def __enter__(self) -> "Checkpoints":
        for name in LOGGERS:
            logging.getLogger(name).addFilter(_worth_logging)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the saves under way; what ended the run goes before what they fail with."""
        try:
            with _guard(self._folder):
                self._last.close()
                self._best.close()
        except Exception:
            if kind is None:
                raise
        finally:
            for name in LOGGERS:
                logging.getLogger(name).removeFilter(_worth_logging)

    def _check_shapes(self, step: int, like: TrainState) -> None:
        saved, wanted = _shapes(self._last.item_metadata(step)["state"].tree), _shapes(like)
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


def _manager(directory: Path, policy) -> ocp.CheckpointManager:
    return ocp.CheckpointManager(
        directory.absolute(),
        options=ocp.CheckpointManagerOptions(
            preservation_policy=policy, cleanup_tmp_directories=True
        ),
        item_handlers={
            "state": ocp.StandardCheckpointHandler(),
            "host": ocp.JsonCheckpointHandler(),
        },
    )


def _shapes(tree: Any) -> dict[str, tuple[tuple[int, ...], str]]:
    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): (tuple(x.shape), str(x.dtype))
        for path, x in flat
    }


@contextlib.contextmanager
def _guard(folder: Path):
    """Turn the many faces of a full disk into one message."""
    try:
        yield
    except Exception as error:
        if not _is_full_disk(error):
            raise
        # From the disk: to Orbax a save that has failed in the background is the latest step.
        intact = [int(path.name) for path in folder.glob("[0-9]*") if path.name.isdigit()]
        kept = f"step {max(intact)} is intact" if intact else "none is complete yet"
        raise UserError(
            f"the disk is full while saving a checkpoint ({kept}); free some space and run the "
            "same command again: it goes on from there",
            RESTART,
        ) from error


def _is_full_disk(error: BaseException | None) -> bool:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    text = str(error)
    return full or "RESOURCE_EXHAUSTED" in text or "No space left" in text


def _worth_logging(record: logging.LogRecord) -> bool:
    """Leave out the tracebacks of a full disk, one a thread: `_guard` tells of it.

    The writes beside the one that failed report to an event loop that it has closed.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not (_is_full_disk(error) or "Event loop is closed" in str(error))
