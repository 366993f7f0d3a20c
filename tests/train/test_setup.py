"""From a config to its parts."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from jaxcnn import create_model
from jaxcnn.layers import BatchNorm, BatchNormConfig
from tests.marks import mostly_slow
from tests.models.reduced import REDUCED
from train.config import Augment, Config, Data, Devices, Loss, Model
from train.errors import UserError
from train.network import synchronised
from train.parallel import AXIS
from train.setup import prepare

CONFIG = Config(
    length="2 epochs",
    model=Model("convnet", fields={"stages": [[4, 1, True]], "hidden": [8]}),
    data=Data("digits", batch_size=100),
    devices=Devices(count=4),
)


@pytest.mark.parametrize(
    ("kind", "axis", "groups"),
    [
        ("sync", AXIS, None),
        ("local", None, None),
        ("group:2", AXIS, ((0, 1), (2, 3))),
        ("group:4", AXIS, None),
    ],
)
def test_batch_norm_is_synchronised_by_the_config(kind, axis, groups):
    config = dataclasses.replace(CONFIG, devices=Devices(count=4, batch_norm=kind))
    norm = BatchNormConfig(axis_name=axis, axis_index_groups=groups)
    assert prepare(config).task.model.norm == norm


@pytest.mark.parametrize("family", mostly_slow(REDUCED, ("resnet", "convnext", "backbone_unet")))
def test_all_norms_of_every_family_are_synchronised(family):
    row, axes = REDUCED[family], []

    def note(call, args, options, context):
        if isinstance(context.module, BatchNorm):
            axes.append(context.module.axis_name)
        return call(*args, **options)

    model = create_model(row.name, num_classes=4, **row.fields)
    shared = synchronised(model, {"axis_name": AXIS, "axis_index_groups": None})
    x = jax.ShapeDtypeStruct((2, *row.shape), jnp.float32)
    with nn.intercept_methods(note):
        variables = jax.eval_shape(shared.init, jax.random.key(0), x)
    assert set(axes) == ({AXIS} if "batch_stats" in variables else set())


def test_a_class_of_batch_norm_is_synchronised():
    model = create_model("resnet18", norm=nn.BatchNorm)
    assert synchronised(model, {"axis_name": AXIS, "axis_index_groups": None}).norm.keywords == {
        "axis_name": AXIS,
        "axis_index_groups": None,
    }


def test_the_data_decide_classes_and_shape():
    setup = prepare(CONFIG)
    assert setup.task.model.num_classes == 10
    assert setup.splits.image_shape == (8, 8, 1)
    assert setup.mesh.size == 4
    assert setup.steps_per_epoch == 12
    assert setup.every.total == 24


def test_types_and_fields_reach_the_model():
    model = Model("convnet", dtype="bfloat16", fields={"stages": [[4, 1, True]]})
    built = prepare(dataclasses.replace(CONFIG, model=model)).task.model
    assert built.dtype == jnp.bfloat16
    assert built.stages == ((4, 1, True),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": Data("digits", mean=(0.1, 0.2, 0.3))}, r"--data.mean.*mean=\(0.1, 0.2, 0.3\)"),
        ({"data": Data("digits", mean=(float("nan"),))}, "--data.mean.*finite"),
        ({"augment": Augment(pad_crop=8)}, "--augment.*padding=8: must be at most 7"),
    ],
)
def test_what_does_not_fit_the_images_is_refused_before_training(change, message):
    with pytest.raises(UserError, match=message):
        prepare(dataclasses.replace(CONFIG, devices=Devices(count=1), **change))


def test_one_program_predicts_for_all_splits():
    setup = prepare(CONFIG)
    assert setup.predict is setup.predict
    state = setup.initial_state()
    for _ in range(2):
        assert setup.evaluator()(state, setup.splits.val, lambda count: None).count == 144
    assert setup.predict._cache_size() == 1


def test_label_smoothing_reaches_the_loss():
    config = dataclasses.replace(CONFIG, loss=Loss(label_smoothing=0.2))
    assert prepare(config).task.loss.label_smoothing == 0.2


def test_blocks_are_recomputed_by_the_network_itself():
    model = Model("resnet20", remat="block", fields={"blocks": 1})
    setup = prepare(dataclasses.replace(CONFIG, model=model))
    assert setup.task.model.remat is True
    with pytest.raises(UserError, match="lenet5.*remat"):
        prepare(dataclasses.replace(CONFIG, model=Model("lenet5", remat="block")))


def test_a_batch_on_each_device_makes_the_whole_one():
    config = dataclasses.replace(CONFIG, data=Data("digits", per_device_batch_size=25))
    setup = prepare(config)
    assert setup.config.data.batch_size == 100
    assert setup.steps_per_epoch == 12
