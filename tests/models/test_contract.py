"""What every family keeps, compiled on one reduced variant: modes, batches, gradients, types."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import create_model, list_models
from jaxcnn.models.registry import MODELS
from tests.marks import mostly_slow
from tests.models.reduced import REDUCED

QUICK = ("lenet", "vgg", "resnet", "densenet")
"""Families that plain tests take."""
RNGS = {"dropout": jax.random.key(2)}


@functools.cache
def reduced(family: str):
    """The model, its variables with statistics that are not the initial ones, and images."""
    row = REDUCED[family]
    model = create_model(row.name, num_classes=3, **row.fields)
    x = jax.random.normal(jax.random.key(1), (4, *row.shape))
    variables = jax.jit(model.init)(jax.random.key(0), x)
    stats = jax.tree.map(lambda s: s + 0.3, variables.get("batch_stats", {}))
    return model, {**variables, "batch_stats": stats}, x


@functools.cache
def trained(family: str):
    """The gradients, the statistics and the sown logits of one training step."""
    model, variables, x = reduced(family)

    def loss(params):
        given = {**variables, "params": params}
        mutable = ["batch_stats", "aux"]
        logits, moved = model.apply(given, x, train=True, rngs=RNGS, mutable=mutable)
        outputs = [logits, *jax.tree.leaves(moved.get("aux", {}))]
        return sum(jnp.sum(y**2) for y in outputs), moved

    return jax.jit(jax.grad(loss, has_aux=True))(variables["params"])


def test_every_family_has_a_reduced_variant():
    assert {MODELS[row.name].family for row in REDUCED.values()} == {
        MODELS[name].family for name in list_models()
    }


@pytest.mark.parametrize("family", mostly_slow(REDUCED, QUICK))
def test_a_batch_is_its_images_one_by_one(family):
    model, variables, x = reduced(family)
    apply = jax.jit(model.apply)
    together, one = apply(variables, x), apply(variables, x[1:2])
    scale = np.abs(together[0] - together[1]).max()
    assert scale > 0
    np.testing.assert_allclose(together[1:2], one, atol=1e-4 * scale)


@pytest.mark.parametrize("family", mostly_slow(REDUCED, QUICK))
def test_statistics_move_in_training_only(family):
    model, variables, x = reduced(family)
    _, still = jax.eval_shape(functools.partial(model.apply, mutable=["batch_stats"]), variables, x)
    assert jax.tree.structure(still.get("batch_stats", {})) == jax.tree.structure(
        variables["batch_stats"]
    )
    _, moved = trained(family)
    if variables["batch_stats"]:
        changed = jax.tree.map(np.array_equal, moved["batch_stats"], variables["batch_stats"])
        assert not any(jax.tree.leaves(changed))


@pytest.mark.parametrize("family", mostly_slow(REDUCED, QUICK))
def test_every_parameter_gets_a_finite_gradient(family):
    grads, _ = trained(family)
    flat, _ = jax.tree_util.tree_flatten_with_path(grads)
    still = [jax.tree_util.keystr(path) for path, g in flat if not np.any(g)]
    assert still == []
    assert all(np.isfinite(g).all() for _, g in flat)


@pytest.mark.slow
@pytest.mark.parametrize("family", REDUCED)
def test_recomputed_blocks_have_the_same_gradients(family):
    model, variables, x = reduced(family)
    if not hasattr(model, "remat"):
        pytest.skip("the family is too small for recomputation")

    def loss(params, model):
        given = {**variables, "params": params}
        logits, _ = model.apply(given, x, train=True, rngs=RNGS, mutable=["batch_stats", "aux"])
        return jnp.sum(logits**2)

    grad = jax.jit(jax.grad(loss), static_argnums=1)
    plain = grad(variables["params"], model)
    recomputed = grad(variables["params"], model.clone(remat=True))
    scale = max(float(jnp.abs(g).max()) for g in jax.tree.leaves(plain))
    for one, two in zip(jax.tree.leaves(plain), jax.tree.leaves(recomputed), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4 * scale)


@pytest.mark.slow
@pytest.mark.parametrize("family", REDUCED)
def test_bfloat16_is_near_float32(family):
    """And the parameters' gradients stay float32."""
    model, variables, x = reduced(family)
    low = model.clone(dtype=jnp.bfloat16)
    full, half = jax.jit(model.apply)(variables, x), jax.jit(low.apply)(variables, x)
    assert half.dtype == jnp.float32
    scale = np.abs(full).max()
    np.testing.assert_allclose(full, half, atol=0.2 * scale)


def test_jit_equals_eager():
    model, variables, x = reduced("lenet")
    np.testing.assert_allclose(
        jax.jit(model.apply)(variables, x), model.apply(variables, x), atol=1e-5
    )
