"""Configs: round trips, durations, and everything that cannot be meant."""

import dataclasses
import importlib
import json
from pathlib import Path

import pytest

import configs
from train import cli
from train.config import (
    Config,
    Data,
    Devices,
    Model,
    fingerprint,
    parse_duration,
    to_json,
    to_steps,
)
from train.errors import UserError
from train.validate import RULES, validate

NAMES = [path.stem for path in sorted(Path(configs.__file__).parent.glob("[!_]*.py"))]


def load(name: str) -> Config:
    return importlib.import_module(f"configs.{name}").config()


def rebuild(kind: type, values: dict):
    """Build a dataclass again from the JSON of its fields."""
    given = {}
    for field in dataclasses.fields(kind):
        default = getattr(kind(), field.name)
        value = values[field.name]
        if dataclasses.is_dataclass(default):
            given[field.name] = rebuild(type(default), value)
        else:
            given[field.name] = tuple(value) if isinstance(default, tuple) else value
    return kind(**given)


@pytest.mark.parametrize("name", NAMES)
def test_every_config_survives_json_and_is_valid(name):
    config = load(name)
    assert rebuild(Config, json.loads(to_json(config))) == config
    validate(config)


def test_the_fingerprint_changes_with_any_field():
    configs_ = [
        Config(),
        Config(seed=1),
        Config(data=Data(batch_size=32)),
        Config(model=Model(fields={"a": 1})),
    ]
    assert len({fingerprint(config) for config in configs_}) == 4
    assert fingerprint(Config()) == fingerprint(Config())


@pytest.mark.parametrize(
    ("text", "steps"),
    [("3 epochs", 60), ("0.5 epochs", 10), ("7 steps", 7), ("640 examples", 10), ("0steps", 0)],
)
def test_durations_become_steps(text, steps):
    assert to_steps(text, steps_per_epoch=20, batch_size=64) == steps


@pytest.mark.parametrize("text", ["3", "epochs", "three epochs", "-1 steps", "nan steps", "1e9"])
def test_a_duration_without_amount_or_unit_is_refused(text):
    with pytest.raises(UserError, match="with a unit"):
        parse_duration(text)


BAD = {
    "length": ["0 epochs", "soon"],
    "seed": [-1],
    "model.num_classes": [-3],
    "data.image_size": [-1],
    "data.channels": [2],
    "loss.label_smoothing": [1.0],
    "loss.bce_threshold": [1.5],
    "loss.dice": [-0.1, 1.1],
    "loss.gamma": [-1],
    "loss.border_weight": [-1],
    "loss.border_sigma": [0],
    "loss.aux_weight": [-0.3],
    "loss.distillation": [0.0],
    "loss.temperature": [0.0],
    "data.batch_size": [0],
    "data.per_device_batch_size": [-1],
    "data.eval_batch_size": [0],
    "data.val_fraction": [1.0, -0.1, float("nan")],
    "data.test_fraction": [0.0, 1.0],
    "data.split_seed": [-2],
    "data.mean": [(), (0.5, 0.5)],
    "data.std": [(0.0,)],
    "data.cache_mb": [-1],
    "data.workers": [-1],
    "data.threads": [0],
    "data.prefetch": [0],
    "augment.pad_crop": [-1],
    "augment.rotate": [-1, 361],
    "augment.translate": [1.1],
    "augment.zoom": [-0.1],
    "augment.shear": [90],
    "augment.elastic": [-1],
    "augment.random_resized_crop": [8.0],
    "augment.sizes": [("128",), ("0 epochs: 0",)],
    "augment.color_jitter": [(0.4,), (0.4, 0.4, 0.4, 0.9)],
    "augment.rand_augment": [31],
    "augment.random_erasing": [25.0],
    "augment.mixup": [-0.2],
    "augment.cutmix": [-1.0],
    "augment.repeats": [0],
    "optim.learning_rate": [0.0, float("inf"), float("nan")],
    "optim.momentum": [1.0],
    "optim.weight_decay": [-1e-4],
    "optim.warmup": ["5"],
    "optim.base_batch": [0],
    "optim.beta2": [1.0],
    "optim.trust": [0.0],
    "optim.milestones": [("30",)],
    "optim.step_factor": [0.0],
    "optim.power": [0.0],
    "optim.final_rate": [-0.1],
    "optim.clip": [-1.0],
    "optim.accumulate": [0],
    "optim.ema": [1.0],
    "optim.freeze": [("",), ("**",)],
    "optim.unfreeze": [("stage4",), ("soon: head",), ("2 epochs:",)],
    "optim.layer_decay": [0.0, 1.1],
    "patience": [-1],
    "optim.bad_steps": [0],
    "devices.count": [-1],
    "devices.batch_norm": ["group", "group:0", "global"],
    "checkpoint.every": ["0 steps"],
    "checkpoint.keep_last": [0],
    "checkpoint.keep_best": [-1],
    "checkpoint.bad_saves": [0],
    "hosts.count": [-1],
    "hosts.index": [-2],
    "hosts.heartbeat": [1.0, float("nan")],
    "hosts.watchdog": [0.0],
    "hosts.wait": [0.0],
    "log.every": ["0 steps"],
    "log.eval_every": ["0 steps"],
}


def replaced(config: Config, path: str, value) -> Config:
    head, _, tail = path.partition(".")
    inner = replaced(getattr(config, head), tail, value) if tail else value
    return dataclasses.replace(config, **{head: inner})


def test_every_rule_has_a_value_that_breaks_it():
    assert BAD.keys() == {path for path, *_ in RULES}


@pytest.mark.parametrize(("path", "value"), [(p, v) for p, values in BAD.items() for v in values])
def test_a_value_that_cannot_be_meant_is_refused_by_name(path, value):
    with pytest.raises(UserError, match=f"--{path}"):
        validate(replaced(Config(), path, value))


@pytest.mark.parametrize("fields", [{"optimizer_state": "sharded"}, {"deterministic": True}])
def test_what_pmap_cannot_do_is_refused(fields):
    validate(Config(devices=Devices(**fields)))
    with pytest.raises(UserError, match=f"--devices.{next(iter(fields))}.*shard_map"):
        validate(Config(devices=Devices(map="pmap", **fields)))


def test_all_bad_values_are_reported_at_once():
    with pytest.raises(UserError) as caught:
        validate(Config(length="soon", seed=-1))
    assert "--length" in str(caught.value)
    assert "--seed" in str(caught.value)


def test_every_config_opens_with_one_line_about_itself():
    described = cli.describe_configs(Path(configs.__file__).parent)
    assert list(described) == NAMES
    assert all(20 < len(text) < 110 for text in described.values())


@pytest.mark.parametrize(("name", "near"), [("digit", "digits"), ("fashion_cnn", "fashion")])
def test_an_unknown_config_suggests_the_nearest(name, near):
    with pytest.raises(UserError, match=f"did you mean.*{near}"):
        cli.check_name(name, NAMES)


def test_verbs_are_no_configs():
    assert not set(NAMES) & set(cli.VERBS)
