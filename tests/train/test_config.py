"""Configs: round trips, durations, and everything that cannot be meant."""

import dataclasses
import importlib
import json
from pathlib import Path

import pytest

import configs
from train import cli
from train.config import Config, Data, Model, fingerprint, parse_duration, to_json, to_steps
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
    "data.batch_size": [0],
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
    "optim.learning_rate": [0.0, float("inf"), float("nan")],
    "optim.momentum": [1.0],
    "optim.weight_decay": [-1e-4],
    "optim.warmup": ["5"],
    "optim.label_smoothing": [1.0],
    "optim.freeze": [("",), ("**",)],
    "optim.unfreeze": [("stage4",), ("soon: head",), ("2 epochs:",)],
    "optim.layer_decay": [0.0, 1.1],
    "optim.bad_steps": [0],
    "devices.count": [-1],
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


def test_reserved_names_are_no_configs():
    assert not set(NAMES) & set(cli.RESERVED)
    for name in cli.RESERVED:
        with pytest.raises(UserError, match="reserved"):
            cli.check_name(name, NAMES)


def parse(*arguments: str) -> cli.Command:
    name, rest = cli.split_arguments(arguments)
    return cli.parse(name, load(name), rest, "")


def test_overrides_change_single_fields():
    command = parse("digits", "--seed", "3", "--data.batch_size", "32", "--fresh")
    assert (command.config.seed, command.config.data.batch_size, command.fresh) == (3, 32, True)
    assert command.config.model == load("digits").model


def test_model_fields_are_json():
    assert parse("--model.fields", '{"dropout": 0.5}').config.model.fields == {"dropout": 0.5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data.btch_size", "3"), "--data.batch-size"),
        (("--optim.name", "sdg"), "'sgd'"),
        (("--seed", "x"), "--seed"),
        (("--model.fields", "{"), "--model.fields"),
    ],
)
def test_unknown_fields_and_values_end_with_code_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        parse("digits", *arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_help_lists_configs_and_fields(capsys):
    with pytest.raises(SystemExit):
        cli.parse("digits", load("digits"), ["--help"], "  digits  LeNet-5")
    text = capsys.readouterr().out
    for part in ("digits  LeNet-5", "--data.batch-size INT", "N epochs|steps|examples", "pixels"):
        assert part in text
