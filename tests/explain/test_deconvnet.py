"""The deconvnet is Zeiler and Fergus': unpooling by switches, rectifying, transposed filters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import create_model, explain, features
from jaxcnn.taps import Channel, Layer, Neuron, guided_relu
from tests.explain.networks import Small, made

pytestmark = pytest.mark.usefixtures("x64")


class Pooled(nn.Module):
    """Two convolutions with ReLUs, and a max-pooling between them."""

    @nn.compact
    def __call__(self, x):
        x = nn.max_pool(nn.relu(nn.Conv(4, (3, 3), name="conv1")(x)), (2, 2), (2, 2))
        x = Last(name="last")(x)
        return nn.Dense(3, name="head")(x.mean((1, 2)))


class Last(nn.Module):
    """The last convolution with its ReLU."""

    @nn.compact
    def __call__(self, x):
        return nn.relu(nn.Conv(5, (3, 3), name="conv")(x))


def transposed(y, kernel):
    """Send every value through the kernel backwards, each to its 3 x 3 window."""
    height, width = y.shape[:2]
    out = np.zeros((height + 2, width + 2, kernel.shape[2]))
    for i, j in np.ndindex(height, width):
        out[i : i + 3, j : j + 3] += kernel @ y[i, j]
    return out[1:-1, 1:-1]


def unpooled(y, switches):
    """Put every value where the maximum of its window was."""
    out = np.zeros(switches.shape)
    for i, j, c in np.ndindex(*y.shape):
        window = switches[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c]
        row, column = np.unravel_index(window.argmax(), (2, 2))
        out[2 * i + row, 2 * j + column, c] = y[i, j, c]
    return out


def by_hand(params, found, start, rule):
    """Return the projection of one image; `rule(signal, what the ReLU was given)`."""
    y = rule(start, found["last/conv"])
    y = unpooled(transposed(y, params["last"]["conv"]["kernel"]), np.maximum(found["conv1"], 0))
    return transposed(rule(y, found["conv1"]), params["conv1"]["kernel"])


RULES = {
    "deconvnet": lambda signal, given: np.maximum(signal, 0),
    "guided_backprop": lambda signal, given: np.maximum(signal, 0) * (given > 0),
    "saliency": lambda signal, given: signal * (given > 0),
}


@pytest.mark.parametrize(
    "name", ["deconvnet", *(pytest.param(name, marks=pytest.mark.slow) for name in list(RULES)[1:])]
)
def test_methods_run_the_network_backwards(name):
    model, variables, x = made(Pooled(), (2, 6, 8, 2))
    found = jax.tree.map(np.asarray, features(model, variables, x, ["conv1", "last/conv", "last"]))
    target = Channel("last", 3, strongest=True)
    options = {"signed": True} if name == "saliency" else {}
    maps = getattr(explain, name)(model, variables, x, target, **options)
    for i in range(len(x)):
        start = np.zeros(found["last"][i].shape)
        best = np.unravel_index(found["last"][i, ..., 3].argmax(), start.shape[:2])
        start[(*best, 3)] = 1
        one = {name: value[i] for name, value in found.items()}
        expected = by_hand(variables["params"], one, start, RULES[name])
        np.testing.assert_allclose(maps[i], expected, rtol=1e-9, atol=1e-12)
        neuron = explain.deconvnet(model, variables, x[i : i + 1], Neuron("last", (*best, 3)))
        if name == "deconvnet":
            np.testing.assert_allclose(neuron[0], maps[i], rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_a_whole_layer_starts_from_its_activations():
    model, variables, x = made(Pooled(), (1, 6, 8, 2))
    found = jax.tree.map(np.asarray, features(model, variables, x, ["conv1", "last/conv", "last"]))
    one = {name: value[0] for name, value in found.items()}
    expected = by_hand(variables["params"], one, one["last"], RULES["deconvnet"])
    maps = explain.deconvnet(model, variables, x, Layer("last"))
    np.testing.assert_allclose(maps[0], expected, rtol=1e-9, atol=1e-12)


def clipped(x):
    """ReLU6 whose ReLU has the rule of guided backpropagation."""
    return jnp.minimum(guided_relu(x), 6)


@pytest.mark.slow
def test_networks_of_relu6_are_guided_too():
    model, variables, x = made(Small(nn.relu6))
    x = 40 * x  # so that some values are clipped
    found = explain.guided_backprop(model, variables, x, 1)
    other = explain.saliency(model.clone(act=clipped), variables, x, 1, signed=True)
    np.testing.assert_allclose(found, other, rtol=1e-9, atol=1e-12)
    free = explain.guided_backprop(model.clone(act=nn.relu), variables, x, 1)
    assert np.abs(found - free).max() > 1e-3 * np.abs(free).max()


@pytest.mark.slow
@pytest.mark.parametrize("method", [explain.guided_backprop, explain.deconvnet])
def test_efficientnet_lite_has_clipped_relus(method):
    model = create_model("efficientnet_lite0", num_classes=3)
    x = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    assert jax.eval_shape(lambda v, x: method(model, v, x, 0), variables, x).shape == x.shape


def test_networks_without_relus_are_told_why():
    model, variables, x = made(Small(nn.silu))
    message = "deconvnet: .*finds no ReLU, but logistic, for which there is no rule"
    with pytest.raises(ValueError, match=message):
        explain.deconvnet(model, variables, x, 0)
