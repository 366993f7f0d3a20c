"""A run with many switches at once: from the config to the files, and on after a stop."""

import dataclasses
import json
import signal

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from jaxcnn.models import create_model
from tests.train.test_run import stop_at
from train.config import Augment, Checkpoint, Config, Data, Devices, Log, Loss, Model, Optim
from train.errors import UserError
from train.run import run
from train.schedule import make_schedule
from train.setup import prepare

FIELDS = {"stages": [[8, 1, True], [8, 1, False]], "hidden": [], "flatten": False}
RECIPE = Config(
    length="12 steps",
    model=Model("convnet", fields={**FIELDS, "dropout": 0.1}, remat="norms"),
    data=Data("digits", batch_size=64, eval_batch_size=64),
    augment=Augment(
        random_resized_crop=0.5,
        sizes=("0 steps: 6", "6 steps: 8"),
        flip=True,
        mixup=1.0,
        cutmix=1.0,
        repeats=2,
        test_flip=True,
    ),
    loss=Loss("bce", label_smoothing=0.1, teacher="convnet", teacher_fields=FIELDS),
    optim=Optim("muon", schedule="one_cycle", warmup="4 steps", clip=1.0, accumulate=2, ema=0.9),
    devices=Devices(count=8, optimizer_state="sharded"),
    checkpoint=Checkpoint(every="5 steps"),
    log=Log(every="1 steps", eval_every="6 steps", tensorboard=False, report=False),
)


@pytest.fixture(scope="module")
def taught(tmp_path_factory) -> Config:
    """The recipe with a teacher in a file, as this lab writes them."""
    model = create_model("convnet", num_classes=10, **FIELDS)
    variables = model.init(jax.random.key(5), np.zeros((1, 8, 8, 1), np.float32))
    path = tmp_path_factory.mktemp("teacher") / "final.npz"
    np.savez(path, **flatten_dict(dict(variables), sep="/"))
    return with_loss(RECIPE, teacher_weights=str(path))


def with_loss(config: Config, **fields) -> Config:
    return dataclasses.replace(config, loss=dataclasses.replace(config.loss, **fields))


def test_a_teacher_comes_with_its_variables(taught):
    setup = prepare(taught)
    assert setup.task.teacher.num_classes == 10
    assert set(setup.teacher) == {"params", "batch_stats"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"teacher": "convnett"}, "loss.teacher convnett: .*convnet"),
        ({"teacher_weights": "missing.npz"}, "loss.teacher convnet.*missing.npz"),
        ({"teacher_fields": {**FIELDS, "stages": [[4, 1, True]]}}, "another network"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(taught, fields, message):
    with pytest.raises(UserError, match=message):
        prepare(with_loss(taught, **fields))


@pytest.mark.slow
def test_a_stopped_run_of_many_switches_ends_as_an_uninterrupted_one(taught, tmp_path, monkeypatch):
    straight = run("recipe", taught, tmp_path / "straight")
    with monkeypatch.context() as patch:
        stop_at(patch, 8, signal.SIGTERM, "step")
        with pytest.raises(UserError, match="saved at step"):
            run("recipe", taught, tmp_path / "stopped")
    resumed = run("recipe", taught, tmp_path / "stopped")
    assert resumed["state_sha256"] == straight["state_sha256"]
    assert resumed["test"] == straight["test"]
    lines = (tmp_path / "stopped" / "metrics.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["split"] == "train"]
    schedule = make_schedule(taught.optim, 12, 18, 64)
    wanted = [float(schedule(step)) for step in range(12)]
    assert [row["learning_rate"] for row in rows] == pytest.approx(wanted, rel=1e-5)
