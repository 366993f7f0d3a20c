"""Other backward rules of ReLUs, in networks that do not know of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import create_model
from jaxcnn.taps import deconvnet_relu, guided_relu, replace_relu
from tests.explain.networks import RELU_SPELLINGS, Small, made

pytestmark = pytest.mark.usefixtures("x64")

RULES = [guided_relu, *(pytest.param(f, marks=pytest.mark.slow) for f in (deconvnet_relu, nn.relu))]

QUICK = {"nn.relu", "clip", "remat", "scan"}


def gradient(function, x):
    return jax.jit(jax.grad(lambda x: function(x).sum()))(x)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "spelling",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in RELU_SPELLINGS
    ],
)
def test_every_spelling_of_a_relu_is_found(spelling, rule):
    x = jax.random.normal(jax.random.key(0), (1, 3, 4, 2), jnp.float64)

    def network(relu):
        return lambda x: relu(jnp.sin(3 * relu(x)) - 0.2)

    changed = replace_relu(network(RELU_SPELLINGS[spelling]), rule)
    close(changed(x), network(nn.relu)(x))
    close(gradient(changed, x), gradient(network(rule), x))
    close(jax.vmap(changed)(x[:, None])[:, 0], network(nn.relu)(x))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("norm", [False, True])
def test_it_is_the_network_with_another_act(rule, norm):
    model, variables, x = made(Small(norm=norm))
    other = model.clone(act=rule)
    changed = replace_relu(lambda x: model.apply(variables, x)[:, 1], rule)
    close(gradient(changed, x), gradient(lambda x: other.apply(variables, x)[:, 1], x))


@pytest.mark.parametrize(
    "function", [jnp.tanh, nn.hard_swish, nn.silu, lambda x: jnp.maximum(x, 1), lambda x: x.max()]
)
def test_it_says_so_when_there_is_none(function):
    with pytest.raises(ValueError, match="replace_relu: relu='guided_relu': finds no ReLU"):
        replace_relu(function, guided_relu)(jnp.ones(3))
    close(replace_relu(lambda x: function(nn.relu(x)), nn.relu)(jnp.ones(3)), function(jnp.ones(3)))


SMALL = {
    "resnet18": {"blocks": (1, 1), "width": 4},
    "densenet121": {"blocks": (1, 2), "growth_rate": 4},
}


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{}, {"remat": True}])
@pytest.mark.parametrize("name", SMALL)
def test_in_the_zoo_it_is_the_model_with_another_act(name, fields):
    plain = create_model(name, num_classes=3, **SMALL[name], **fields)
    model, variables, x = made(plain, (2, 32, 32, 3))
    changed = replace_relu(lambda x: model.apply(variables, x)[:, 1], guided_relu)
    other = model.clone(act=guided_relu)
    close(gradient(changed, x), gradient(lambda x: other.apply(variables, x)[:, 1], x))
