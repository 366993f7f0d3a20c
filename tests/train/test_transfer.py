"""Fine-tuning in the lab: what is frozen, from when, with which rates, and from which weights."""

import dataclasses
import signal

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from jaxcnn import create_model
from tests.finetune.tiny import changed
from tests.train.test_run import TINY, execute, stop_at
from train.config import Config, Data, Devices, Model, Optim
from train.errors import UserError
from train.run import run
from train.setup import prepare

SMALL = Config(
    length="10 steps",
    model=Model("convnet", fields={"stages": [[4, 1, True], [8, 1, False]], "hidden": [8]}),
    data=Data("digits", batch_size=16),
    optim=Optim(learning_rate=0.1, warmup="0 steps", weight_decay=0.1),
    devices=Devices(count=1),
)


def with_optim(config: Config, **fields) -> Config:
    return dataclasses.replace(config, optim=dataclasses.replace(config.optim, **fields))


def states(config: Config, steps: int):
    """The variables before and after each step."""
    setup = prepare(config)
    step, state = setup.train_step(), setup.initial_state()
    draw = np.random.default_rng(0)
    found = [jax.device_get(state.variables)]
    for number in range(1, steps + 1):
        batch = {
            "image": draw.integers(0, 256, (16, 8, 8, 1), np.uint8),
            "label": draw.integers(0, 10, 16, np.int32),
            "mask": np.ones(16, bool),
        }
        state, _ = step(state, setup.place(batch), number)
        found.append(jax.device_get(state.variables))
    return found


def rooms(old, new) -> set[str]:
    return {path.split("/")[0] for path in changed(old, new)}


@pytest.mark.slow
def test_a_frozen_stage_stays_bitwise_the_same_with_its_statistics():
    first, *_, last = states(with_optim(SMALL, freeze=("stage*",)), 3)
    assert rooms(first, last) == {"fc1", "head"}


@pytest.mark.slow
def test_stages_begin_at_their_steps():
    stages = ("0 steps: head fc1", "32 examples: stage2", "3 steps: **")
    found = states(with_optim(SMALL, unfreeze=stages), 4)
    moved = [rooms(a, b) for a, b in zip(found, found[1:], strict=False)]
    later = {"head", "fc1", "stage2"}
    assert moved == [{"head", "fc1"}, {"head", "fc1"}, later, {*later, "stage1"}]


RECIPES = {
    "freeze": {"freeze": ("stage1",), "layer_decay": 0.5},
    "unfreeze": {"unfreeze": ("0 steps: head", "2 steps: stage2 fc1"), "name": "adamw"},
}


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [("unfreeze", "shard_map"), ("freeze", "shard_map"), ("unfreeze", "pmap")],
)
@pytest.mark.slow
def test_eight_devices_give_what_one_does(recipe, kind, x64):
    model = dataclasses.replace(SMALL.model, dtype="float64")
    config = with_optim(dataclasses.replace(SMALL, model=model), **RECIPES[recipe])
    eight = dataclasses.replace(config, devices=Devices(kind, 8))
    a, b = (states(c, 4)[-1] for c in (config, eight))
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12), a, b)


@pytest.mark.slow
def test_layers_nearer_to_the_image_take_smaller_steps():
    """Without momentum a first update is the rate times the gradient, whose factor is known."""
    plain = with_optim(SMALL, momentum=0.0, weight_decay=0.0)
    (a, b), (c, d) = (states(with_optim(plain, layer_decay=decay), 1) for decay in (1.0, 0.5))
    order = prepare(with_optim(plain, layer_decay=0.5)).task.transfer.order
    assert order == ("stage1/conv1", "stage1/norm1", "stage2/conv1", "stage2/norm1", "fc1", "head")
    for path, depth in (("stage1/conv1", 5), ("fc1", 1), ("head", 0)):
        keys = ("params", *path.split("/"), "kernel")
        whole, part = (flatten_dict(y)[keys] - flatten_dict(x)[keys] for x, y in ((a, b), (c, d)))
        assert whole.any()
        np.testing.assert_allclose(part, whole * 0.5**depth, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"freeze": ("stag1",)}, "--optim.freeze.*'stag1'.*covers no parameter.*stage1"),
        ({"freeze": ("stage*", "fc1", "head")}, "leave no parameter"),
        ({"freeze": ("stage1",), "unfreeze": ("0 steps: head",)}, "both given"),
        ({"unfreeze": ("0 steps: haed",)}, "--optim.unfreeze.*haed"),
        ({"unfreeze": ("1 steps: head",)}, "must begin at '0 steps'"),
        ({"unfreeze": ("0 steps: head", "10 steps: fc1")}, r"steps \[0, 10\] of 10"),
        ({"unfreeze": ("0 steps: head", "2 steps: fc1", "1 steps: stage1")}, "do not decrease"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused_before_anything_is_compiled(fields, message):
    with pytest.raises(UserError, match=message):
        prepare(with_optim(SMALL, **fields))


def with_weights(config: Config, pretrained, **fields) -> Config:
    model = dataclasses.replace(config.model, pretrained=str(pretrained), **fields)
    return dataclasses.replace(config, model=model)


def write(path, **fields):
    """Write the variables of a network of other classes, as this lab's `final.npz` has them."""
    model = create_model("convnet", **{**SMALL.model.fields, "num_classes": 4, **fields})
    x = np.zeros((1, 8, 8, fields.pop("channels", 1)), np.float32)
    variables = jax.jit(model.init)(jax.random.key(5), x)
    np.savez(path, **{k: np.asarray(v) for k, v in flatten_dict(variables, sep="/").items()})
    return variables


@pytest.mark.slow
def test_a_file_is_the_start_with_a_new_head_for_other_classes(tmp_path):
    theirs = write(tmp_path / "other.npz")
    ours = prepare(with_weights(SMALL, tmp_path / "other.npz")).initial_state().variables
    assert ours["params"]["head"]["kernel"].shape == (8, 10)
    for tree in (theirs, ours):
        del tree["params"]["head"]
    jax.tree.map(np.testing.assert_array_equal, theirs, ours)
    fresh = prepare(SMALL).initial_state().variables["params"]["head"]["kernel"]
    again = prepare(with_weights(SMALL, tmp_path / "other.npz")).initial_state()
    np.testing.assert_allclose(again.params["head"]["kernel"], fresh, rtol=1e-6)


def test_a_head_of_the_same_classes_is_kept(tmp_path):
    theirs = write(tmp_path / "same.npz", num_classes=10)
    ours = prepare(with_weights(SMALL, tmp_path / "same.npz")).initial_state().variables
    jax.tree.map(np.testing.assert_array_equal, theirs, ours)


def test_colour_weights_serve_grey_images(tmp_path):
    model = create_model("convnet", **SMALL.model.fields)
    theirs = jax.jit(model.init)(jax.random.key(5), np.zeros((1, 8, 8, 3), np.float32))
    flat = {k: np.asarray(v) for k, v in flatten_dict(theirs, sep="/").items()}
    np.savez(tmp_path / "rgb.npz", **flat)
    ours = prepare(with_weights(SMALL, tmp_path / "rgb.npz")).initial_state().params
    summed = flat["params/stage1/conv1/kernel"].sum(2, keepdims=True)
    np.testing.assert_allclose(ours["stage1"]["conv1"]["kernel"], summed, rtol=1e-6)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.npz", "missing.npz"),
        ("true", "convnet: no weights are known"),
        ("{}/wide.npz", "another network(.|\n)*stage2/conv1/kernel: the model has"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(tmp_path, source, message):
    write(tmp_path / "wide.npz", stages=((4, 1, True), (16, 1, False)))
    with pytest.raises(UserError, match=f"--model.pretrained(.|\n)*{message}"):
        prepare(with_weights(SMALL, source.format(tmp_path)))


def test_an_unknown_weight_set_names_those_that_there_are():
    model = Model("resnet18", pretrained="IMAGENET1K_V9")
    with pytest.raises(UserError, match="IMAGENET1K_V1"):
        prepare(dataclasses.replace(SMALL, model=model, data=Data("digits", image_size=32)))


RECIPE = {"unfreeze": ("0 steps: head", "15 steps: fc2", "22 steps: **"), "layer_decay": 0.9}


@pytest.mark.slow
def test_a_fine_tuning_that_was_stopped_goes_on_as_if_nothing_had_been(tmp_path, monkeypatch):
    config = with_optim(TINY, **RECIPE)
    wanted = execute(config, tmp_path / "straight")
    with monkeypatch.context() as patch:
        stop_at(patch, 13, signal.SIGTERM, "step")
        with pytest.raises(UserError, match="saved at step"):
            run("tiny", config, tmp_path / "stopped")
    assert execute(config, tmp_path / "stopped") == wanted
    with pytest.raises(UserError, match=r"optim.layer_decay: was 0.9, is 1.0"):
        run("tiny", with_optim(config, layer_decay=1.0), tmp_path / "stopped")


@pytest.mark.slow
def test_one_epoch_from_a_file_beats_one_epoch_from_scratch(tmp_path):
    """The whole way, from a `final.npz` on, with a frozen first layer."""
    long = with_optim(dataclasses.replace(TINY, length="8 epochs"), learning_rate=3e-3)
    assert run("first", long, tmp_path / "first")["test"]["top1"] > 0.9
    short = dataclasses.replace(TINY, length="1 epochs", seed=1)
    scratch = run("scratch", short, tmp_path / "scratch")
    config = with_weights(short, tmp_path / "first" / "final.npz")
    tuned = run("tuned", with_optim(config, freeze=("conv1",)), tmp_path / "tuned")
    assert tuned["test"]["top1"] > scratch["test"]["top1"] + 0.1
    first, last = (np.load(tmp_path / name / "final.npz") for name in ("first", "tuned"))
    np.testing.assert_array_equal(first["params/conv1/kernel"], last["params/conv1/kernel"])
    assert (first["params/conv2/kernel"] != last["params/conv2/kernel"]).any()
