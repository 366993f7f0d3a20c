"""`initialize` gives what `model.init` gives, and refuses shapes that cannot be meant."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import create_model, initialize


def test_initialize_equals_init():
    model, key = create_model("resnet20", blocks=1, num_classes=3), jax.random.key(3)
    found = initialize(model, key, (1, 8, 8, 1))
    expected = model.init(key, jnp.zeros((1, 8, 8, 1)))
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-7), found, expected)


def test_arguments_reach_the_model():
    model = create_model("lenet5")
    images = jax.ShapeDtypeStruct((1, 28, 28, 1), jnp.float32)
    expected = jax.eval_shape(lambda x: model.init(jax.random.key(0), x, train=True), images)
    found = initialize(model, {"params": jax.random.key(0)}, (1, 28, 28, 1), train=True)
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, expected)


@pytest.mark.parametrize("shape", [(0, 28, 28, 1), (1, 28.5, 28, 1), (1, 28, 28)])
def test_impossible_shapes_are_refused(shape):
    with pytest.raises((ValueError, TypeError), match="28"):
        initialize(create_model("lenet5"), jax.random.key(0), shape)


def test_it_may_be_transformed():
    model, shape = create_model("lenet5"), (1, 28, 28, 1)
    key = jax.random.key(0)
    abstract = jax.eval_shape(lambda: initialize(model, key, shape))
    assert abstract["params"]["conv1"]["kernel"].shape == (5, 5, 1, 6)
    keys = jax.random.split(key, 2)
    many = jax.eval_shape(jax.vmap(lambda key: initialize(model, key, shape)), keys)
    assert many["params"]["conv1"]["kernel"].shape == (2, 5, 5, 1, 6)
    assert jax.vmap(lambda key: initialize(model, key, shape))(keys)["params"].keys()
