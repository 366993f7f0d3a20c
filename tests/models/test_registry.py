"""Every model of the registry, abstractly: parameters, contract, errors. Nothing is computed."""

import dataclasses
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import jaxcnn
from jaxcnn import create_model, list_models, model_info
from jaxcnn.models.registry import MODELS
from tests.models.reduced import REDUCED

SHALLOW = (
    *("mlp", "lenet5", "lenet5_paper", "convnet", "allcnn_c", "alexnet_paper", "vgg11_bn"),
    *("squeezenet1_1", "resnet18", "resnet20", "wrn_16_8", "unet"),
)
"""Traced by plain tests; the others are left to the slow ones."""
NAMES = [
    pytest.param(name, marks=[] if name in SHALLOW else pytest.mark.slow) for name in list_models()
]


def spec(name: str, batch: int = 2, size: int | None = None, channels: int | None = None):
    info = model_info(name)
    size, channels = size or info.input_size, channels or info.channels
    return jax.ShapeDtypeStruct((batch, size, size, channels), jnp.float32)


def small(family: str, **fields):
    """The reduced model of a family, where the class keeps the promise and not its table."""
    row = REDUCED[family]
    return create_model(row.name, **{**row.fields, **fields})


def images(family: str, channels: int | None = None):
    *size, usual = REDUCED[family].shape
    return jax.ShapeDtypeStruct((2, *size, channels or usual), jnp.float32)


@functools.cache
def variables_of(model, images):
    return jax.eval_shape(model.init, jax.random.key(0), images)


def count(variables) -> int:
    return sum(p.size for p in jax.tree.leaves(variables["params"]))


def input_of_head(model, images):
    """What the last layer takes, which need not have parameters."""
    seen = []

    def look(call, args, kwargs, context):
        if (context.module.name, context.method_name) == ("head", "__call__"):
            seen.append(args[0])
        return call(*args, **kwargs)

    with nn.intercept_methods(look):
        jax.eval_shape(model.init, jax.random.key(0), images)
    (x,) = seen
    return x


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_multiply_adds_are_those_of_the_table(name):
    info = model_info(name)
    found = jaxcnn.summary(create_model(name), spec(name, batch=1).shape)
    assert (found.total_params, found.total_macs) == (info.params, info.macs)


@pytest.mark.parametrize("name", NAMES)
def test_equal_calls_give_equal_models_with_equal_hashes(name):
    one, two = create_model(name, num_classes=7), create_model(name, num_classes=7)
    assert one == two
    assert hash(one) == hash(two)
    assert one != create_model(name, num_classes=8)


@pytest.mark.parametrize("family", REDUCED)
def test_logits_are_float32_and_parameters_too_under_bfloat16(family):
    model = small(family, num_classes=7, dtype=jnp.bfloat16)
    logits, variables = jax.eval_shape(model.init_with_output, jax.random.key(0), images(family))
    assert {v.dtype for v in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}
    assert (logits.shape[0], logits.shape[-1], logits.dtype) == (2, 7, jnp.float32)


@pytest.mark.parametrize("family", REDUCED)
def test_no_classes_give_the_input_of_the_last_layer(family):
    x, model = images(family), small(family, num_classes=0)
    out, variables = jax.eval_shape(model.init_with_output, jax.random.key(0), x)
    assert "head" not in variables.get("params", {})
    assert out.shape[-1] == input_of_head(small(family), x).shape[-1]


@pytest.mark.parametrize("family", REDUCED)
def test_names_are_for_humans(family):
    """No numbered class names, such as Conv_17."""
    flat, _ = jax.tree_util.tree_flatten_with_path(variables_of(small(family), images(family)))
    parts = {key.key for path, _ in flat for key in path}
    assert not [part for part in parts if part[0].isupper()]


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_image_passes_and_a_smaller_one_names_the_layer(name):
    model, size = create_model(name), model_info(name).min_size
    variables_of(model, spec(name, size=size))
    if size > 1:
        with pytest.raises(ValueError, match=f"at least {size} pixels.*leaves layer '.+' no input"):
            variables_of(model, spec(name, size=size - 1))


@pytest.mark.parametrize("family", REDUCED)
def test_odd_and_oblong_images_pass(family):
    if family in ("mlp", "unet"):  # every pixel has its weight; valid windows must come out even
        pytest.skip("the architecture fixes the size")
    model, size = small(family), REDUCED[family].shape[0] // 2 * 2 + 33
    x = jax.ShapeDtypeStruct((2, size, size + 10, REDUCED[family].shape[2]), jnp.float32)
    logits, _ = jax.eval_shape(model.init_with_output, jax.random.key(0), x)
    assert (logits.shape[0], logits.shape[-1]) == (2, model.num_classes)


@pytest.mark.parametrize("family", REDUCED)
def test_one_channel_and_recomputed_blocks_have_the_same_tree(family):
    model = small(family)
    one, three = (variables_of(model, images(family, channels)) for channels in (1, 3))
    assert jax.tree.structure(one) == jax.tree.structure(three)
    if hasattr(model, "remat"):
        assert variables_of(small(family, remat=True), images(family, 3)) == three


def test_info_holds_every_field_of_the_class():
    info = model_info("resnet20")
    assert info.fields.keys() >= {"blocks", "width", "norm", "act", "conv", "dtype"}
    assert info.fields["blocks"] == 3
    assert not info.fields.keys() & {"parent", "name"}
    assert dataclasses.replace(info, name="x").name == "x"


def test_the_registry_is_one_plain_mapping():
    assert sorted(MODELS) == list_models()


@pytest.mark.parametrize(("name", "near"), [("lenet", "lenet5"), ("resnet21", "resnet20")])
@pytest.mark.parametrize("function", [create_model, model_info])
def test_an_unknown_name_suggests_the_nearest(function, name, near):
    with pytest.raises(ValueError, match=f"{function.__name__}: .*did you mean.*{near}"):
        function(name)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"wdith": 3}, ValueError, "wdith=3: is no field of resnet20; did you mean 'width'"),
        ({"parent": None}, ValueError, "parent=None: is no field of resnet20. Fix: it has act,"),
        ({"num_classes": -1}, ValueError, "num_classes=-1: must be >= 0"),
        ({"num_classes": True}, TypeError, "num_classes=True: must be an int"),
        ({"num_classes": 10.0}, TypeError, "num_classes=10.0: must be an int"),
        ({"num_classes": "10"}, TypeError, "num_classes='10': must be an int"),
        ({"dtype": int}, TypeError, "dtype=<class 'int'>: must be a type of real numbers"),
        ({"dtype": "flaot32"}, TypeError, "dtype='flaot32': must be a type of real numbers"),
        ({"width": {16: 1}}, TypeError, "width={16: 1}: must be hashable"),
        ({"wdith": 3, "num_classes": -1}, ValueError, "2 problems"),
    ],
)
def test_fields_that_cannot_be_meant_are_refused(fields, error, message):
    with pytest.raises(error, match=message):
        create_model("resnet20", **fields)


@pytest.mark.parametrize("name", [50, ["resnet50"], None])
@pytest.mark.parametrize("function", [create_model, model_info])
def test_a_name_is_a_string(function, name):
    with pytest.raises(TypeError, match=f"{function.__name__}: name=.*must be a string"):
        function(name)


@pytest.mark.parametrize("rate", ["dropout", "stochastic_depth"])
@pytest.mark.parametrize("value", [None, True, "0.5", 2, -0.1])
def test_a_rate_is_a_share(rate, value):
    with pytest.raises(
        (ValueError, TypeError), match=rf"{re.escape(repr(value))}: must (be a num|l)"
    ):
        variables_of(create_model("resnet20", **{rate: value}), spec("resnet20"))


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((2, 3, 32, 32), np.float32, "looks like NCHW"),
        ((2, 3, 32, 48), np.float32, "looks like NCHW"),
        ((32, 32, 1), np.float32, "batch of images"),
        ((2, 32, 32, 1), np.uint8, "floating-point"),
        ((2, 32, 32, 1), np.complex64, "complex"),
        ((0, 32, 32, 1), np.float32, "must hold at least one image"),
        ((2, 32, 32, 0), np.float32, "must have at least one channel"),
        ((2, 0, 32, 1), np.float32, "pixels high and wide"),
        ((0, 32, 0, 0), np.float32, "3 problems"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_batch_of_images_is_refused(name, shape, dtype, message):
    size = max(model_info(name).input_size, 8)  # less could be meant as three rows of pixels
    shape = tuple(size if n == 32 else n for n in shape)
    with pytest.raises((ValueError, TypeError), match=message):
        variables_of(create_model(name), jax.ShapeDtypeStruct(shape, dtype))


def test_lists_and_numpy_arrays_become_tuples():
    model = create_model("convnet", stages=[[8, 1, True]], hidden=np.array([4]))
    assert (model.stages, model.hidden) == (((8, 1, True),), (4,))
    hash(model)
