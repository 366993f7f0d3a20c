"""Whole runs: what they leave, how they go on, and what they refuse."""

import dataclasses
import errno
import json
import os
import re
import shutil
import signal

import jax
import numpy as np
import pytest

from train import arrays, loop
from train.checkpoint import Checkpoints
from train.config import Checkpoint, Config, Data, Devices, Log, Model, Optim
from train.data import splits_of
from train.errors import INTERRUPTED, NON_FINITE, PREEMPTED, RESTART, UserError
from train.log import read_metrics, without_time
from train.run import run
from train.rundir import open_directory
from train.setup import prepare

TINY = Config(
    length="30 steps",
    model=Model("lenet5", fields={"dropout": 0.1}),
    data=Data("digits", image_size=16, batch_size=64),
    optim=Optim("adamw", learning_rate=3e-3, warmup="5 steps"),
    devices=Devices(count=2),
    checkpoint=Checkpoint(every="8 steps"),
    log=Log(every="7 steps", eval_every="10 steps", tensorboard=False, report=False),
)


TINY_STEPS = 30


def execute(config, directory):
    """Run, and give back what must be the same however often the run was interrupted."""
    summary = run("tiny", config, directory)
    return summary["state_sha256"], without_time(read_metrics(directory))


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "straight"
    return directory, execute(TINY, directory)


def test_a_run_leaves_its_files_and_learns(straight):
    directory, (_, rows) = straight
    assert {path.name for path in directory.iterdir()} == {
        ".lock",
        "config.json",
        "metrics.jsonl",
        "checkpoints",
        "final.npz",
        "summary.json",
    }
    assert [row["step"] for row in rows if row["split"] == "train"] == [7, 14, 21, 28, 30]
    assert [row["step"] for row in rows if row["split"] == "val"] == [10, 20, 30]
    test = rows[-1]
    assert (test["split"], test["count"]) == ("test", 360)
    assert test["top1"] > 0.5
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["test"]["top1"] == test["top1"]


def test_the_final_variables_are_flat_and_give_the_reported_accuracy(straight):
    directory, (_, rows) = straight
    flat = np.load(directory / "final.npz")
    assert {name.split("/")[0] for name in flat} == {"params"}
    assert flat["params/head/kernel"].shape == (84, 10)


def test_a_finished_run_is_left_alone(straight):
    directory, wanted = straight
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    assert execute(TINY, directory) == wanted
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before


def test_another_config_in_the_same_folder_is_refused_by_field(straight):
    directory, _ = straight
    with pytest.raises(UserError, match=r"optim.learning_rate: was 0.003, is 0.1.*") as caught:
        run("tiny", dataclasses.replace(TINY, optim=Optim("adamw", learning_rate=0.1)), directory)
    assert "optim.warmup" in str(caught.value)


def stop_at(monkeypatch, step: int, number: signal.Signals, where: str) -> None:
    """Send this process a signal while it does its step, or its evaluation after it."""
    original = loop.Loop._account if where == "step" else loop.Loop._evaluate

    def act(self, *args):
        if (args[0] if where == "step" else args[1]) == step:
            os.kill(os.getpid(), number)
            while self.signals.received is None:
                pass
        return original(self, *args)

    monkeypatch.setattr(loop.Loop, "_account" if where == "step" else "_evaluate", act)


@pytest.mark.parametrize(
    ("step", "number", "where", "code"),
    [
        (13, signal.SIGTERM, "step", PREEMPTED),
        (20, signal.SIGINT, "eval", INTERRUPTED),
    ],
)
def test_a_stopped_run_goes_on_as_if_nothing_had_been(
    straight, tmp_path, monkeypatch, step, number, where, code
):
    with monkeypatch.context() as patch:
        stop_at(patch, step, number, where)
        with pytest.raises(UserError, match=f"{number.name}: saved at step") as caught:
            run("tiny", TINY, tmp_path)
    assert caught.value.exit_code == code
    assert not (tmp_path / "summary.json").exists()
    assert execute(TINY, tmp_path) == straight[1]


def test_a_crash_between_checkpoints_goes_on_from_the_last(straight, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(loop.Loop, "_account", crash_at(23, loop.Loop._account))
        with pytest.raises(ZeroDivisionError):
            run("tiny", TINY, tmp_path)
    rows = read_metrics(tmp_path)
    assert max(row["step"] for row in rows) == 21
    assert execute(TINY, tmp_path) == straight[1]


def crash_at(step, original):
    def act(self, at, metrics):
        if at == step:
            raise ZeroDivisionError
        return original(self, at, metrics)

    return act


@pytest.mark.slow
def test_a_signal_during_the_last_save_is_heard(straight, tmp_path, monkeypatch):
    original = loop.Loop._save

    def save(self, state, **options):
        original(self, state, **options)
        if int(state.step) == TINY_STEPS and self.signals.received is None:
            os.kill(os.getpid(), signal.SIGTERM)
            while self.signals.received is None:
                pass

    with monkeypatch.context() as patch:
        patch.setattr(loop.Loop, "_save", save)
        with pytest.raises(UserError, match="SIGTERM: saved at step 30"):
            run("tiny", TINY, tmp_path)
    assert execute(TINY, tmp_path) == straight[1]


@pytest.mark.slow
def test_fields_that_change_no_number_may_differ_when_a_run_goes_on(
    straight, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        stop_at(patch, 13, signal.SIGTERM, "step")
        with pytest.raises(UserError):
            run("tiny", TINY, tmp_path)
    other = dataclasses.replace(
        TINY,
        data=dataclasses.replace(TINY.data, threads=1, prefetch=1),
        checkpoint=Checkpoint(every="5 steps", keep_last=1),
    )
    assert execute(other, tmp_path) == straight[1]


def test_fresh_removes_nothing_before_the_rest_is_known_to_be_right(straight):
    directory, wanted = straight
    wrong = dataclasses.replace(TINY, data=Data("folder:missing"))
    with pytest.raises(UserError, match="missing"):
        run("tiny", wrong, directory, fresh=True)
    assert execute(TINY, directory) == wanted


def test_two_processes_cannot_share_a_folder(tmp_path):
    with (
        open_directory(tmp_path, TINY, fresh=False),
        pytest.raises(UserError, match="another process is busy"),
    ):
        run("tiny", TINY, tmp_path)


@pytest.mark.slow
def test_data_of_a_program_are_trained_on(tmp_path):
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 200)
    images = (draw.integers(0, 60, (200, 16, 16, 1)) + 150 * labels[:, None, None, None]).astype(
        np.uint8
    )
    short = dataclasses.replace(TINY, data=Data(batch_size=32), length="12 steps")
    splits = splits_of((images, labels), data=short.data)
    summary = run("mine", short, tmp_path, splits=splits)
    assert summary["test"]["count"] == 40
    assert summary["test"]["top1"] > 0.9


OPTIM = Optim("sgd", learning_rate=1e30, warmup="0 steps", bad_steps=3)
DIVERGING = dataclasses.replace(TINY, optim=OPTIM, length="14 steps")


@pytest.mark.slow
def test_bad_steps_are_not_logged_as_perfect_ones(tmp_path):
    diverging = dataclasses.replace(DIVERGING, optim=dataclasses.replace(OPTIM, bad_steps=1000))
    summary = run("tiny", diverging, tmp_path)
    train = [row for row in read_metrics(tmp_path) if row["split"] == "train"]
    assert train[-1]["loss"] is None
    assert train[-1]["top1"] is None
    json.dumps(summary, allow_nan=False)


@pytest.mark.slow
def test_pmap_gives_the_same_run(straight, tmp_path):
    config = dataclasses.replace(TINY, devices=Devices("pmap", 2))
    _, rows = execute(config, tmp_path)
    assert rows[-1]["loss"] == pytest.approx(straight[1][1][-1]["loss"], rel=1e-3)


def test_a_run_that_diverges_ends_with_its_own_code(tmp_path):
    with pytest.raises(UserError, match="3 steps in a row") as caught:
        run("tiny", DIVERGING, tmp_path)
    assert caught.value.exit_code == NON_FINITE


def restored(directory):
    setup = prepare(DIVERGING)
    with Checkpoints(directory / "checkpoints", keep_last=2, keep_best=1) as checkpoints:
        found = checkpoints.restore(setup.initial_state())
    assert found is not None
    return found


def test_the_last_checkpoint_of_a_run_that_diverges_is_good_and_named(tmp_path):
    often = dataclasses.replace(DIVERGING, checkpoint=Checkpoint(every="1 steps"))
    with pytest.raises(UserError, match=r"the newest checkpoint is step (\d+)") as caught:
        run("tiny", often, tmp_path)
    step = re.search(r"step (\d+)\.", str(caught.value))
    assert step
    state, _ = restored(tmp_path)
    assert int(state.step) == int(step[1])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.params, state.opt_state)))


@pytest.mark.slow
def test_a_full_disk_is_said_and_what_was_saved_stays(straight, tmp_path, monkeypatch):
    original = arrays.write

    def write(folder, tree):
        if getattr(tree, "step", 0) > 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(folder, tree)

    with monkeypatch.context() as patch:
        patch.setattr(arrays, "write", write)
        with pytest.raises(UserError, match="disk is full.*step 8 is intact") as caught:
            run("tiny", TINY, tmp_path)
    assert caught.value.exit_code == RESTART
    assert execute(TINY, tmp_path) == straight[1]


def test_another_number_of_classes_than_the_checkpoint_has_is_named(straight, tmp_path):
    shutil.copytree(straight[0] / "checkpoints", tmp_path / "checkpoints")
    more = dataclasses.replace(TINY, model=dataclasses.replace(TINY.model, num_classes=12))
    with pytest.raises(UserError, match="params/head/kernel") as caught:
        run("tiny", more, tmp_path)
    assert "(84, 10)" in str(caught.value)
    assert "(84, 12)" in str(caught.value)


def test_a_run_that_never_began_may_be_given_another_config(tmp_path, straight):
    with pytest.raises(UserError, match="lenet5"):
        run("tiny", dataclasses.replace(TINY, model=Model("lenet")), tmp_path)
    assert execute(TINY, tmp_path) == straight[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": Model("lenet")}, "lenet5"),
        ({"model": Model("lenet5", fields={"dropuot": 0.1})}, "dropout"),
        ({"model": Model("lenet5", num_classes=3)}, "10 classes"),
        ({"data": Data("digits", batch_size=64)}, "at least 16 pixels"),
        ({"data": Data("digits", image_size=16, batch_size=5)}, "multiple"),
        ({"data": Data("digts", image_size=16)}, "digits"),
        ({"devices": Devices(count=9)}, "8 device"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_compiled(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        run("tiny", dataclasses.replace(TINY, **change), tmp_path)
