"""Other norms than batch norm in the zoo, which are not told whether the model trains."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import create_model, layers
from tests.models.reduced import REDUCED


def small(norm, **fields):
    return create_model("resnet18", **{"blocks": [1, 1], "width": 8, "norm": norm, **fields})


@pytest.mark.parametrize(
    "norm", [layers.GroupNormConfig(4), nn.LayerNorm, nn.InstanceNorm, layers.GroupNormConfig(1)]
)
def test_a_resnet_without_batches_has_no_statistics(norm):
    model, x = small(norm, zero_init=True), jnp.zeros((2, 16, 16, 3))
    variables = jax.eval_shape(functools.partial(model.init, train=True), jax.random.key(0), x)
    assert variables.keys() == {"params"}
    assert jax.eval_shape(functools.partial(model.apply, train=True), variables, x).shape[0] == 2


@pytest.mark.slow
def test_group_norm_trains_and_is_alike_in_evaluation():
    model = small(layers.GroupNormConfig(4), num_classes=3)
    assert model == small(layers.GroupNormConfig(4), num_classes=3)
    x = jax.random.normal(jax.random.key(1), (2, 16, 16, 3))
    variables = jax.jit(model.init)(jax.random.key(0), x)

    @jax.jit
    def run(params):
        logits = {t: model.apply({"params": params}, x, train=t) for t in (True, False)}
        return jnp.sum(logits[True] ** 2), logits

    (_, logits), grads = jax.value_and_grad(run, has_aux=True)(variables["params"])
    np.testing.assert_array_equal(logits[True], logits[False])
    assert all(np.isfinite(g).all() and np.any(g) for g in jax.tree.leaves(grads))


@pytest.mark.parametrize("family", [f for f in REDUCED if f not in ("mlp", "lenet", "lenet_paper")])
def test_every_family_takes_group_norm(family):
    row = REDUCED[family]
    fields = {**row.fields, "norm": layers.GroupNormConfig(1)}
    if "backbone" in fields:
        fields["backbone"] = fields["backbone"].clone(norm=layers.GroupNormConfig(1))
    model = create_model(row.name, **fields)
    init = functools.partial(model.init, train=True)
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    variables = jax.eval_shape(init, keys, jnp.zeros((2, *row.shape)))
    assert variables.keys() == {"params"}


def test_convnext_takes_batch_norm():
    row = REDUCED["convnext"]
    model = create_model(row.name, **row.fields, norm=layers.BatchNormConfig())
    variables = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((2, *row.shape)))
    assert variables.keys() == {"params", "batch_stats"}


def test_a_constructor_of_ones_own_is_told():
    told = []

    def norm(**options):
        told.append(options.pop("use_running_average"))
        return nn.LayerNorm(**options)

    model, x = small(norm), jnp.zeros((1, 16, 16, 3))
    jax.eval_shape(functools.partial(model.init, train=True), jax.random.key(0), x)
    assert set(told) == {False}
