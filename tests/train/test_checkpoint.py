"""Checkpoints on a disk that fills up while they are written in the background."""

import errno
import logging

import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from train.checkpoint import Checkpoints
from train.errors import RESTART, UserError
from train.state import TrainState


def make_state(step: int) -> TrainState:
    return TrainState(
        step=jnp.asarray(step, jnp.int32),
        params={"w": jnp.full((3,), step, jnp.float32)},
        batch_stats={},
        opt_state=(),
        key_data=jnp.zeros(2, jnp.uint32),
    )


async def full_disk(self, directory, item=None, args=None):
    """Write nothing, and fail as the system does, in the thread that saves."""

    async def write():
        raise OSError(errno.ENOSPC, "No space left on device")

    return [ocp.future.CommitFutureAwaitingContractedSignals(write(), name="full")]


def save_two(folder) -> None:
    """The failure of the first save is met at the second."""
    with Checkpoints(folder, keep_last=2, keep_best=1) as checkpoints:
        checkpoints.save(make_state(15), {})
        checkpoints.save(make_state(20), {})


@pytest.mark.parametrize(
    ("before", "message"), [([], "none is complete yet"), ([5, 10], "step 10 is intact")]
)
def test_a_full_disk_names_the_step_that_is_on_it(tmp_path, monkeypatch, caplog, before, message):
    """The save that fails is Orbax's latest step, and lies nowhere."""
    with Checkpoints(tmp_path, keep_last=2, keep_best=1) as checkpoints:
        for step in before:
            checkpoints.save(make_state(step), {}, wait=True)
    monkeypatch.setattr(ocp.StandardCheckpointHandler, "async_save", full_disk)
    with pytest.raises(UserError, match=f"disk is full.*{message}") as caught:
        save_two(tmp_path)
    assert caught.value.exit_code == RESTART
    assert "Traceback" not in caplog.text
    monkeypatch.undo()
    with Checkpoints(tmp_path, keep_last=2, keep_best=1) as checkpoints:
        assert checkpoints.latest() == (before[-1] if before else None)
        checkpoints.save(make_state(15), {}, wait=True)
        state, _ = checkpoints.restore(make_state(0))
    np.testing.assert_array_equal(state.params["w"], np.full(3, 15))


def test_other_failures_are_still_logged(tmp_path, caplog):
    with Checkpoints(tmp_path, keep_last=1, keep_best=0):
        try:
            raise KeyError("a defect")
        except KeyError:
            logging.getLogger("absl").exception("failed")
    assert "a defect" in caplog.text
