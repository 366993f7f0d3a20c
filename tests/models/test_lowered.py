"""What training programs are made of, in the text that is given to the compiler."""

import re

import jax
import jax.numpy as jnp
import pytest

from jaxcnn import create_model
from tests.models.reduced import REDUCED

QUICK = ("unet", "resnet", "inception")
POOLED = ("alexnet", "vgg", "squeezenet", "convnet", "densenet", "shufflenet_v2", "backbone_unet")


def training_program(model, shape, platform):
    """Return the text of a training step's gradients."""
    x = jax.ShapeDtypeStruct((2, *shape), jnp.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    variables = jax.eval_shape(model.init, key, x)

    def loss(params, rest, key, x):
        given, mutable = {**rest, "params": params}, ["batch_stats", "aux"]
        y, moved = model.apply(given, x, train=True, rngs={"dropout": key}, mutable=mutable)
        outputs = [y, *jax.tree.leaves(moved.get("aux", {}))]
        return sum(jnp.square(z).sum() for z in outputs)

    rest = {name: tree for name, tree in variables.items() if name != "params"}
    traced = jax.jit(jax.grad(loss)).trace(variables["params"], rest, key, x)
    return traced.lower(lowering_platforms=(platform,)).as_text()


def dilations(text):
    """Return the steps between the inputs of each convolution, where there are any."""
    return set(re.findall(r"lhs_dilate = \[([\d, ]+)\]", text)) - {"1, 1"}


@pytest.mark.parametrize("up", ["transpose", "bilinear"])
@pytest.mark.parametrize("name", ["unet", "unet_padded"])
def test_a_unet_trains_without_dilated_inputs_on_cpus(name, up):
    model = create_model(name, depth=2, width=4, up=up)
    assert dilations(training_program(model, (44, 44, 1), "cpu")) == set()


def test_dilated_inputs_would_be_seen():
    # The input gradient of a convolution with a stride, which has no such form.
    row = REDUCED["resnet"]
    model = create_model(row.name, num_classes=3, **row.fields)
    assert dilations(training_program(model, row.shape, "cpu")) == {"2, 2"}


@pytest.mark.parametrize(
    ("family", "platform"),
    [
        *((family, platform) for family in QUICK for platform in ("cpu", "cuda")),
        *(pytest.param(family, "cuda", marks=pytest.mark.slow) for family in POOLED),
    ],
)
def test_no_network_scatters_the_gradients_of_its_pools(family, platform):
    row = REDUCED[family]
    model = create_model(row.name, num_classes=3, **row.fields)
    assert "scatter" not in training_program(model, row.shape, platform)
