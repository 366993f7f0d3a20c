"""Equal blocks as one loop: the same variables, outputs, gradients and statistics."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import create_model, layers
from jaxcnn.blocks import BasicBlock, ResidualStage
from jaxcnn.checks import ArgumentError
from tests.marks import mostly_slow

LENGTHS = {
    "resnet110": 17,
    "resnet50": 5,
    "preact_resnet50": 5,
    "regnet_x_400mf": 11,
    "regnet_y_400mf": 5,
}
"""Equal blocks of the longest stage."""
X = np.random.default_rng(0).normal(size=(2, 16, 16, 3))


def step(model, **options):
    def loss(params, stats):
        variables = {"params": params, "batch_stats": stats}
        y, moved = model.apply(variables, X, mutable=["batch_stats"], **options)
        return jnp.sin(y).sum(), moved

    return lambda v: jax.value_and_grad(loss, has_aux=True)(v["params"], v["batch_stats"])


@pytest.mark.parametrize("name", mostly_slow(LENGTHS, ("resnet110",)))
def test_training_is_a_loop_over_the_same_variables(name):
    model = create_model(name, num_classes=4, scan_blocks=True)
    variables = jax.eval_shape(model.init, jax.random.key(0), X)
    program, (value, grads) = jax.make_jaxpr(step(model, train=True), return_shape=True)(variables)
    assert f"length={LENGTHS[name]}" in str(program)
    assert grads == variables["params"]
    assert value[1]["batch_stats"] == variables["batch_stats"]


def test_evaluation_is_no_loop():
    plain = create_model("resnet34", num_classes=4)
    model = plain.clone(scan_blocks=True)
    variables, looped = (jax.eval_shape(m.init, jax.random.key(0), X) for m in (plain, model))
    assert variables == looped
    programs = [str(jax.make_jaxpr(m.apply)(variables, X)) for m in (plain, model)]
    assert programs[0] == programs[1]


@pytest.mark.parametrize("block", [BasicBlock, nn.remat(BasicBlock)])
def test_a_step_is_the_same(block, x64):
    norm = functools.partial(layers.BatchNorm, use_running_average=False)
    plain = ResidualStage(4, 3, 1, functools.partial(block, norm=norm))
    looped = plain.clone(scan_blocks=True)
    variables = jax.jit(plain.init)(jax.random.key(0), X)
    expected, found = (jax.jit(step(stage))(variables) for stage in (plain, looped))
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(np.abs(b).max(), 1))


def test_blocks_that_differ_are_no_loop():
    model = create_model("resnet20", scan_blocks=True, stochastic_depth=0.2)
    variables = jax.eval_shape(model.init, jax.random.key(0), X)
    with pytest.raises(ArgumentError, match="scan_blocks.*stochastic_depth"):
        jax.eval_shape(step(model, train=True), variables)


def test_a_loop_draws_nothing():
    model = create_model("wrn_16_8", block_dropout=0.3, scan_blocks=True)
    with pytest.raises(ArgumentError, match="scan_blocks.*block_dropout"):
        jax.eval_shape(model.init, jax.random.key(0), X)


def test_a_key_for_each_example_is_taken():
    stage = ResidualStage(3, 3, 1, functools.partial(BasicBlock, norm=None), scan_blocks=True)
    variables = jax.eval_shape(stage.init, jax.random.key(0), X)
    rngs = {"dropout": layers.per_example(jax.random.key(0), jnp.arange(len(X)))}
    y = jax.eval_shape(lambda v: stage.apply(v, X, rngs=rngs), variables)
    assert y.shape == X.shape
