"""Every model of the registry: parameters, contract, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import create_model, list_models
from jaxcnn.models.registry import MODELS

SHAPES = {"lenet5": (32, 32, 1), "convnet": (28, 28, 1)}
PARAMETERS = {
    # LeCun et al. 1998, with full connections between S2 and C3.
    "lenet5": 61_706,
    # Two stages of two 3x3 convolutions with 32 and 64 features, then 3136 -> 128 -> 10:
    # 9*1*32 + 9*32*32 + 9*32*64 + 9*64*64, twice 2*32 and 2*64, 3136*128 + 128, 1290.
    "convnet": 288 + 9_216 + 18_432 + 36_864 + 2 * (64 + 128) + 401_536 + 1_290,
    # He et al. 2015, table 6, option A shortcuts.
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
}


def spec(name: str, size: int = 2, dtype=jnp.float32) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((size, *SHAPES.get(name, (32, 32, 3))), dtype)


def variables_of(model, name: str):
    return jax.eval_shape(model.init, jax.random.key(0), spec(name))


def test_the_tables_speak_of_all_models():
    assert PARAMETERS.keys() == set(list_models()) == MODELS.keys()


@pytest.mark.parametrize("name", list_models())
def test_parameters_equal_the_reference(name):
    params = variables_of(create_model(name), name)["params"]
    assert sum(p.size for p in jax.tree.leaves(params)) == PARAMETERS[name]


@pytest.mark.parametrize("name", list_models())
def test_equal_calls_give_equal_models_with_equal_hashes(name):
    one, two = create_model(name, num_classes=7), create_model(name, num_classes=7)
    assert one == two
    assert hash(one) == hash(two)
    assert one != create_model(name, num_classes=8)


@pytest.mark.parametrize("name", list_models())
def test_logits_are_float32_and_parameters_too_under_bfloat16(name):
    model = create_model(name, num_classes=7, dtype=jnp.bfloat16)
    variables = variables_of(model, name)
    assert {v.dtype for v in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}
    logits = jax.eval_shape(model.apply, variables, spec(name))
    assert (logits.shape, logits.dtype) == ((2, 7), jnp.float32)


@pytest.mark.parametrize("name", list_models())
def test_no_classes_give_the_input_of_the_last_layer(name):
    features = create_model(name, num_classes=0)
    variables = variables_of(features, name)
    assert "head" not in variables["params"]
    out = jax.eval_shape(features.apply, variables, spec(name))
    head = variables_of(create_model(name), name)["params"]["head"]["kernel"]
    assert out.shape == (2, head.shape[0])


@pytest.mark.parametrize("name", list_models())
def test_names_are_for_humans(name):
    """No numbered class names, such as Conv_17."""
    flat, _ = jax.tree_util.tree_flatten_with_path(variables_of(create_model(name), name))
    parts = {key.key for path, _ in flat for key in path}
    assert not [part for part in parts if part[0].isupper()]


@pytest.mark.parametrize(("name", "near"), [("lenet", "lenet5"), ("resnet21", "resnet20")])
def test_an_unknown_name_suggests_the_nearest(name, near):
    with pytest.raises(ValueError, match=f"did you mean.*{near}"):
        create_model(name)


def test_unknown_fields_and_bad_counts_are_refused():
    with pytest.raises(ValueError, match="'wdith'; did you mean 'width'"):
        create_model("resnet20", wdith=3)
    with pytest.raises(ValueError, match="num_classes=-1: must be >= 0"):
        create_model("resnet20", num_classes=-1)


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((2, 1, 32, 32), np.float32, "looks like NCHW"),
        ((2, 8, 8, 1), np.float32, "at least 16 pixels"),
        ((32, 32, 1), np.float32, "batch of images"),
        ((2, 32, 32, 1), np.uint8, "floating-point"),
    ],
)
def test_what_is_no_batch_of_images_is_refused(shape, dtype, message):
    with pytest.raises((ValueError, TypeError), match=message):
        create_model("lenet5").init(jax.random.key(0), np.zeros(shape, dtype))


def test_lists_become_tuples():
    model = create_model("convnet", stages=[[8, 1, True]], hidden=[4])
    assert model.stages == ((8, 1, True),)
    hash(model)
