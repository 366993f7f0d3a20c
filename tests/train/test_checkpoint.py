"""Checkpoints on failing disks: what is said, what is tried again, what stays."""

import errno
import logging
from pathlib import Path

import jax
import pytest

from tests.train.checkpoints import make_state, open_in, same, small_files
from train import arrays
from train.errors import RESTART, UserError

LARGE = 100_000


def settle(checkpoints) -> None:
    """Let the thread finish without asking it how."""
    checkpoints._thread.submit(lambda: None).result()


@pytest.mark.parametrize(
    ("before", "message"), [([], "none is complete yet"), ([5, 10], "step 10 is intact")]
)
def test_a_save_that_fails_is_told_at_the_next_step_and_tried_again(
    tmp_path, capsys, caplog, before, message
):
    with open_in(tmp_path) as checkpoints:
        for step in before:
            checkpoints.save(make_state(step, LARGE), {}, wait=True)
        with small_files(LARGE):
            checkpoints.save(make_state(15, LARGE), {})
            settle(checkpoints)
        assert "warning" not in capsys.readouterr().err
        checkpoints.poll()
        assert f"the disk is full while saving a checkpoint ({message})" in capsys.readouterr().err
        assert checkpoints.latest() == (before[-1] if before else None)
        checkpoints.save(make_state(20, LARGE), {}, wait=True)
        assert checkpoints.latest() == 20
    assert "Traceback" not in caplog.text
    assert not list(tmp_path.rglob("*partial*"))


def test_so_many_in_a_row_end_the_run(tmp_path):
    with small_files(LARGE), open_in(tmp_path, bad_saves=2) as checkpoints:
        checkpoints.save(make_state(5, LARGE), {})
        checkpoints.save(make_state(10, LARGE), {})
        settle(checkpoints)
        with pytest.raises(UserError, match="disk is full.*run the same command again") as caught:
            checkpoints.poll()
    assert caught.value.exit_code == RESTART


def test_a_save_that_is_waited_for_must_succeed(tmp_path):
    with open_in(tmp_path) as checkpoints:
        checkpoints.save(make_state(5, LARGE), {}, wait=True)
        with small_files(LARGE), pytest.raises(UserError, match="step 5 is intact"):
            checkpoints.save(make_state(10, LARGE), {}, wait=True)


def test_a_best_that_could_not_be_saved_leaves_its_place_to_the_next(tmp_path):
    with open_in(tmp_path) as checkpoints:
        with small_files(LARGE):
            checkpoints.save_best(make_state(5, LARGE), 0.9)
            settle(checkpoints)
        checkpoints.poll()
        checkpoints.save_best(make_state(10, LARGE), 0.8)
        checkpoints.save_best(make_state(15, LARGE), 0.7)
        settle(checkpoints)
    assert [path.name for path in (tmp_path / "best").iterdir()] == ["10"]


def test_other_failures_of_the_disk_are_no_defects_of_the_program(tmp_path, monkeypatch):
    def broken(folder: Path, tree) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(arrays, "write", broken)
    with (
        pytest.raises(UserError, match="the disk failed .Input/output error"),
        open_in(tmp_path) as checkpoints,
    ):
        checkpoints.save(make_state(5), {}, wait=True)


def test_a_defect_is_raised_at_the_next_step(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "write", lambda folder, tree: 1 / 0)
    with open_in(tmp_path) as checkpoints:
        checkpoints.save(make_state(5), {})
        settle(checkpoints)
        with pytest.raises(ZeroDivisionError):
            checkpoints.poll()


def test_other_failures_are_still_logged(tmp_path, caplog):
    with open_in(tmp_path, keep_best=0):
        try:
            raise KeyError("a defect")
        except KeyError:
            logging.getLogger("absl").exception("failed")
    assert "a defect" in caplog.text


def test_the_training_may_overwrite_what_is_being_saved(tmp_path):
    state = make_state(5, LARGE)
    with open_in(tmp_path) as checkpoints:
        checkpoints.save(state, {})
        for leaf in jax.tree.leaves(state.params):
            leaf.delete()
        found = checkpoints.restore(make_state(0, LARGE)) if checkpoints.latest() else None
    assert found is not None
    assert same(found[0], 5)


def test_as_many_are_kept_as_were_asked_for(tmp_path):
    with open_in(tmp_path, keep_last=2, keep_best=2) as checkpoints:
        for step, top1 in ((1, 0.5), (2, 0.9), (3, 0.2), (4, 0.9)):
            checkpoints.save_best(make_state(step), top1)
            checkpoints.save(make_state(step), {})
    assert sorted(path.name for path in (tmp_path / "last").iterdir()) == ["3", "4"]
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == ["2", "4"]
