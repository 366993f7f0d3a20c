"""The instrument: what is compared is the same network, and its bounds are those on paper."""

import re
import sys
from collections import Counter
from unittest import mock

import jax
import jax.numpy as jnp
import pytest

from benchmarks.peers import flax_linen
from benchmarks.peers.jax_steps import linen
from benchmarks.roofline import Ceilings, bound, products
from benchmarks.tables import beside
from jaxcnn import create_model


def operations(model):
    """Count the operations of a training step's gradients."""
    images = jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), images)
    apply = linen(model)

    def loss(params, stats, images):
        return apply({"params": params, "batch_stats": stats}, images, True)[0].sum()

    lowered = jax.jit(jax.grad(loss)).lower(variables["params"], variables["batch_stats"], images)
    found = Counter(re.findall(r"stablehlo\.(\w+)", lowered.as_text()))
    return {name: found[name] for name in ("convolution", "dot_general", "rsqrt", "reduce_window",
                                           "select_and_scatter", "multiply", "divide")}  # fmt: skip


def test_flax_written_out_is_the_zoo_with_flax_layers():
    model = create_model("resnet50", blocks=(1, 1), width=64)
    with mock.patch.object(sys.modules["jaxcnn.ops.max_pool"], "maximum", flax_linen.maximum):
        replaced = operations(flax_linen.plain(model))
    written = operations(flax_linen.ResNet((1, 1), True))
    assert replaced["select_and_scatter"] == 1
    assert written == replaced
    assert operations(model)["select_and_scatter"] == 0


def test_the_multiply_adds_of_the_bounds_are_those_of_the_summary():
    model, images = create_model("resnet50"), jnp.zeros((1, 224, 224, 3))
    variables = jax.eval_shape(model.init, jax.random.key(0), images)
    found = products(lambda v, x: model.apply(v, x), variables, images)
    assert len(found) == 54
    assert sum(one.flops for one in found) / 2 == pytest.approx(4.089e9, rel=1e-3)
    measured = Ceilings(790e12, 3.0e12)
    separate, ideal = (
        1 / bound(found, measured, train=True, fused=fused) for fused in (False, True)
    )
    # An H100's bounds for large batches are 8,300 and 12,500 images/s; one image reads all
    # weights by itself.
    assert 3_000 < separate < 8_400
    assert separate < ideal < 12_600


def test_ratios_are_of_rounds():
    seconds = {"jaxcnn": [1.0, 2.0, 1.0], "flax": [2.0, 2.0, 3.0]}
    assert beside(seconds, "flax") == "2.00 (1.00-3.00)"
    assert beside(seconds, "torch") == ""
