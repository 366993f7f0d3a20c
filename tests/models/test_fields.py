"""Fields that cannot be meant: refused by name, with what they must hold, before any layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import create_model, list_models
from jaxcnn.models import ConvNeXt
from jaxcnn.models.registry import MODELS
from tests.models.test_registry import variables_of


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("resnet18", {"blocks": 2}, "blocks=2: must be a tuple or a list"),
        ("resnet18", {"blocks": "2222"}, "blocks='2222': must be a tuple or a list"),
        ("resnet18", {"blocks": ()}, r"blocks=\(\): must not be empty"),
        ("resnet18", {"blocks": (2, 0)}, r"blocks\[1\]=0: must be >= 1"),
        ("resnet18", {"blocks": (2, 2.0)}, r"blocks\[1\]=2.0: must be an int"),
        ("resnet18", {"bottleneck": 0}, "bottleneck=0: must be True or False"),
        ("resnet18", {"dropout": "0.5"}, "dropout='0.5': must be a number"),
        ("resnet18", {"norm": "batch"}, "norm='batch': must be callable"),
        ("resnet18", {"act": "relu"}, "act='relu': must be callable.*flax.linen.relu"),
        ("resnet18", {"conv": None}, "conv=None: must be callable"),
        ("resnet20", {"blocks": -1}, "blocks=-1: must be >= 1"),
        ("convnext_tiny", {"norm": None}, "norm=None: must be callable"),
        ("convnext_tiny", {"widths": (8, 8)}, r"widths=\(8, 8\): must have 4 entries.*blocks="),
        ("shufflenet_v2_x0_5", {"blocks": (4, 8)}, r"must have 2 entries.*blocks=\(4, 8\)"),
        ("efficientnet_b0", {"stages": ((1, 3, 1),)}, r"stages\[0\]=\(1, 3, 1\).*5 to 6.*features"),
        ("efficientnet_b0", {"stages": ((1, 3, 1, 4, 0),)}, r"stages\[0\].repeats=0: must be >= 1"),
        ("efficientnet_b0", {"stages": ()}, r"stages=\(\): must not be empty"),
        ("mobilenet_v3_small", {"stages": ((),)}, r"stages\[0\]=\(\): must not be empty"),
        ("mobilenet_v3_small", {"stages": (((3,),),)}, r"stages\[0\]\[0\]=\(3,\): must have 6"),
        ("alexnet", {"convs": ()}, r"convs=\(\): must not be empty"),
        ("alexnet", {"convs": ((4, 3, 1, -1),)}, r"convs\[0\].padding=-1: must be >= 0"),
        ("convnet", {"stages": ((4, 1),)}, r"stages\[0\]=\(4, 1\): must have 3 entries"),
        ("googlenet", {"steps": ()}, r"steps=\(\): must not be empty"),
        ("googlenet", {"steps": (("conv1",),)}, r"steps\[0\]=\('conv1',\): must have 2 entries"),
        ("lenet5_paper", {"output": 3}, "output=3: must be a string"),
        ("unet_resnet18", {"backbone": 18}, "backbone=18: must be a model"),
        ("unet_resnet18", {"backbone": "resnt18"}, "did you mean 'resnet18'"),
        ("resnet18", {"blocks": 2, "act": "relu", "wdith": 3}, "3 problems"),
    ],
)
def test_what_a_field_cannot_hold_is_refused(name, fields, message):
    with pytest.raises((ValueError, TypeError), match=message):
        variables_of(
            create_model(name, **fields), jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
        )


@pytest.mark.parametrize("name", list_models())
def test_every_variant_passes_its_own_checks(name):
    fields = MODELS[name].fields
    assert create_model(name, **fields) == create_model(name)


def test_where_nothing_means_something_it_is_allowed():
    assert create_model("densenet121", bottleneck=0).bottleneck == 0
    assert create_model("convnet", hidden=()).hidden == ()
    assert create_model("squeezenet1_1", pools=[]).pools == ()
    assert create_model("resnet18", norm=None).norm is None
    assert create_model("alexnet", convs=[[4, 3, 1, 0]]).convs == ((4, 3, 1, 0),)


def test_a_model_in_a_field_may_be_given_by_name():
    model = create_model("unet_resnet18", backbone="resnet34")
    assert model == create_model("unet_resnet34")


def test_numbers_of_numpy_become_plain():
    model = create_model("resnet20", width=np.int64(8), remat=np.bool_(True))
    assert (type(model.width), type(model.remat)) == (int, bool)


def test_a_class_checks_the_lengths_that_must_agree():
    with pytest.raises(ValueError, match="convnext: widths"):
        ConvNeXt((1, 1), widths=(4,), norm=nn.LayerNorm).init(
            jax.random.key(0), jnp.zeros((1, 8, 8, 3))
        )
