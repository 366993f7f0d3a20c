"""Activations: the right ones, of any network, and nothing that they do not need."""

import dataclasses
from functools import partial

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import create_model, features, grad_at
from jaxcnn.taps import list_taps
from jaxcnn.taps.features import _features
from tests.marks import mostly_slow
from tests.taps import networks

MODELS = {
    "lenet5": lambda: create_model("lenet5"),
    "resnet20": lambda: create_model("resnet20", blocks=1, width=4),
    "compact": networks.Stack,
    "setup": networks.Setup,
    "remat": networks.REMAT,
    "jit": networks.JIT,
    "remat of jit": lambda: networks.Stack(block=nn.remat(nn.jit(networks.Block))),
    "whole remat": lambda: nn.remat(networks.Stack)(),
    "shared": networks.Shared,
    "inherits": networks.Child,
    "scan": networks.Scanned,
    "vmap": networks.Mapped,
    "cond": networks.Branching,
    "sows": networks.Sower,
    "fields": lambda: networks.Unhashable([4, 3], {"use_bias": False}, jnp.ones(2)),
}

# Several calls, other methods, remembered traces, sown names: Flax captures these in other ways.
NOT_CAPTURED = {"setup", "shared", "jit", "remat of jit", "sows"}
SLOW = {"lenet5", "resnet20", "whole remat", "inherits", "vmap"}
CAPTURED = mostly_slow([n for n in MODELS if n not in NOT_CAPTURED], MODELS.keys() - SLOW)


def made(name):
    """A model, its variables and a batch."""
    shape = {"lenet5": (2, 16, 16, 1), "resnet20": (2, 8, 8, 3)}.get(name, (2, 5))
    x = jax.random.normal(jax.random.key(1), shape)
    model = MODELS[name]()
    return model, networks.variables_of(model, x), x


def captured(model, variables, x):
    """All outputs by name, as Flax's own capture sees them, which computes everything."""
    apply = partial(model.apply, capture_intermediates=True, mutable=["intermediates"])
    _, state = jax.jit(apply)(variables, x)
    flat = flax.traverse_util.flatten_dict(state["intermediates"])
    flat = {path[:-1]: calls for path, calls in flat.items() if path[-1] == "__call__"}
    return {"/".join(path) or ":output": calls for path, calls in flat.items()}


@pytest.mark.parametrize("name", CAPTURED)
def test_every_output_is_what_flax_captures(name):
    model, variables, x = made(name)
    reference = captured(model, variables, x)
    found = features(model, variables, x, "**")
    assert found.keys() == list_taps(model, x).keys()
    outputs = [key for key in found if not key.endswith(":input")]
    assert set(outputs) <= set(reference)
    assert name in ("scan", "vmap", "cond") or set(outputs) == set(reference)
    for key in outputs:
        # A lifted or inherited call is captured once more by Flax, inside of itself.
        close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
        jax.tree.map(close, found[key], reference[key][-1])


@pytest.mark.parametrize("name", ["compact", "remat", "jit", "remat of jit"])
@pytest.mark.slow
def test_lifted_blocks_have_the_places_of_plain_ones(name):
    _, variables, x = made("compact")
    model = MODELS[name]()
    names = ["block1/one", "block0/two:input", "block1", "head:input", ":output"]
    expected = features(networks.Stack(), variables, x, names)
    # One by one as well: nn.jit remembers what it compiled, for other blocks and requests.
    for found in (features(model, variables, x, names), *each(model, variables, x, names)):
        for key, value in found.items():
            np.testing.assert_allclose(value, expected[key], rtol=1e-4, atol=1e-6)
    assert list(list_taps(model, x)) == list(list_taps(networks.Stack(), x))
    assert list(features(model, variables, x, names)) == names


def each(model, variables, x, names):
    return [features(model, variables, x, name) for name in names]


def test_values_by_hand():
    model, variables, x = made("compact")
    p = variables["params"]
    names = ["block0:input", "block0/one", "block0/two:input", "block0", "block?", ":input"]
    found = features(model, variables, x, names)
    one = x @ p["block0"]["one"]["kernel"] + p["block0"]["one"]["bias"][None]
    np.testing.assert_allclose(found["block0/one"], one, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["block0/two:input"], np.tanh(one), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found["block0:input"], x)
    np.testing.assert_array_equal(found[":input"], x)
    assert list(found) == ["block0:input", "block0/one", "block0/two:input", "block0", "block1"] + [
        ":input"
    ]


def test_calls_methods_and_several_values_have_names():
    model, variables, x = made("setup")
    found = features(model, variables, x, ["encoder.encode#2", "merge:input", "layers_1"])
    np.testing.assert_array_equal(found["encoder.encode#2"], found["merge:input"][1])
    assert found["layers_1"].shape == (2, 3)
    model, variables, x = made("shared")
    found = features(model, variables, x, ["layer#*", "layer#3:input", "head:input"])
    layer = nn.Dense(5).bind({"params": variables["params"]["layer"]})
    np.testing.assert_allclose(
        found["layer#2"], layer(np.tanh(found["layer#1"])), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        found["layer#3:input"], np.tanh(found["layer#2"]), rtol=1e-4, atol=1e-6
    )


def test_numbers_beside_arrays_reach_the_model_as_they_are():
    model, variables, x = made("setup")
    found = features(model, variables, x, ["merge", "merge:input"])
    a, b = found["merge:input"]
    product, extra = found["merge"]
    np.testing.assert_array_equal(product, a * b)
    assert (extra.keys(), extra["count"]) == ({"sum", "count"}, None)

    class Halved(nn.Module):
        @nn.compact
        def __call__(self, x):
            y, (rows, _) = networks.Sized(name="sized")(x, (2, x))
            return y.reshape(rows, -1)  # which a traced number could not

    taken = features(Halved(), {}, jnp.ones((4, 3)), ["sized:input", "sized", ":output"])
    assert [taken["sized:input"][1][0], taken["sized"][1][0]] == [None, None]
    assert taken[":output"].shape == (2, 6)
    found = grad_at(Halved(), {}, jnp.ones((4, 3)), "sized", lambda y: 2 * y.sum(1))
    np.testing.assert_array_equal(found.gradient[0], np.full((4, 3), 2.0))


@pytest.mark.parametrize(
    ("lifted", "mutable"), [("taps", None), ("intermediates", ["intermediates"])]
)
def test_a_loop_that_lets_values_out_is_looked_into(lifted, mutable):
    model = networks.Scanned((("params", 0), (lifted, 0)))
    _, variables, x = made("scan")
    found = features(model, variables, x, ["steps/layer", "head:input"], mutable=mutable)
    assert found["steps/layer"].shape == (3, 2, 5)
    np.testing.assert_allclose(
        np.tanh(found["steps/layer"][-1]), found["head:input"], rtol=1e-4, atol=1e-6
    )


def flops(function, *args) -> float:
    return jax.jit(function).lower(*args).compile().cost_analysis()["flops"]


def test_an_early_layer_costs_what_a_truncated_network_costs():
    model = create_model("resnet20", blocks=2, width=4)
    x = jnp.ones((1, 16, 16, 3))
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    whole = flops(model.apply, variables, x)
    early = flops(lambda v, x: features(model, v, x, "stage1/block1/conv1"), variables, x)
    names = ["stem", "stage1/block1/conv1"]
    taps = list_taps(model, x)
    # Two convolutions with 3x3 windows, two operations for each multiply-add.
    convolutions = sum(
        2 * 9 * 16 * 16 * taps[f"{name}:input"].shape[-1] * taps[name].shape[-1] for name in names
    )
    assert early < whole / 4
    assert 0.7 * convolutions < early < 1.3 * convolutions
    last = flops(lambda v, x: features(model, v, x, "head"), variables, x)
    assert 0.95 * whole < last < 1.05 * whole


@pytest.mark.parametrize("name", ["compact", "remat", "jit"])
def test_what_comes_later_or_beside_is_not_computed(name):
    model, variables, x = made(name)
    early = flops(lambda v: features(model, v, x, "block0/one"), variables)
    dense = flops(lambda v: x @ v["params"]["block0"]["one"]["kernel"], variables)
    assert early < dense + 20


def test_later_variables_need_not_be_there():
    model, variables, x = made("compact")
    part = {"params": {"block0": variables["params"]["block0"]}}
    np.testing.assert_allclose(
        features(model, part, x, "block0")["block0"],
        features(model, variables, x, "block0")["block0"],
    )
    with pytest.raises(flax.errors.FlaxError, match="kernel") as error:
        features(model, part, x, "block1")
    assert "'block1' was not reached" in error.value.__notes__[0]


def test_keys_of_later_layers_need_not_be_there():
    model, x = create_model("lenet5", dropout=0.5), jnp.ones((1, 16, 16, 1))
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    look = partial(features, model, train=True)
    assert jax.eval_shape(partial(look, at="fc1"), variables, x)["fc1"].shape == (1, 120)
    with pytest.raises(ValueError, match="'fc1_dropout' draws at random and found no key"):
        jax.eval_shape(partial(look, at="fc2"), variables, x)


@pytest.mark.parametrize("name", ["compact", "fields", "jit"])
def test_equal_calls_compile_once(name):
    model, variables, x = made(name)
    features(model, variables, x, ":output")
    before = _features._cache_size()
    features(MODELS[name]() if name != "fields" else model, variables, x + 1, [":output"])
    assert _features._cache_size() == before
    features(model, variables, x[:1], ":output")
    assert _features._cache_size() == before + 1


def test_unhashable_fields_are_read_and_not_remembered():
    model, variables, x = made("fields")
    before = features(model, variables, x, ":output")[":output"]
    other = dataclasses.replace(model, scale=2 * jnp.ones(2))
    after = features(other, variables, x, ":output")[":output"]
    np.testing.assert_allclose(after, 4 * before, rtol=1e-5)


def test_it_works_within_jit_vmap_and_grad():
    model, variables, x = made("compact")
    plain = features(model, variables, x, "block1")["block1"]

    def one(x):
        return features(model, variables, x[None], "block1")["block1"][0]

    np.testing.assert_allclose(jax.jit(jax.vmap(one))(x), plain, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(jax.vmap(one)(x), plain, rtol=1e-4, atol=1e-6)
    grads = jax.grad(lambda v: features(model, v, x, "block0")["block0"].sum())(variables)
    assert np.abs(grads["params"]["block0"]["one"]["kernel"]).sum() > 0
    assert np.abs(grads["params"]["head"]["kernel"]).sum() == 0


def test_training_mode_writes_nothing_back():
    model, variables, x = made("sows")
    before = jax.tree.map(np.array, variables)
    rngs = {"dropout": jax.random.key(3)}
    found = features(model, variables, x, ["norm", ":output"], train=True, rngs=rngs)
    logits, state = model.apply(variables, x, train=True, rngs=rngs, mutable=["batch_stats", "aux"])
    np.testing.assert_allclose(found[":output"], logits, rtol=1e-4, atol=1e-6)
    bias = variables["params"]["norm"]["bias"]
    np.testing.assert_allclose(found["norm"].mean(0), bias, rtol=1e-4)
    jax.tree.map(np.testing.assert_array_equal, before, variables)
    assert "aux" in state


def test_bfloat16_and_integer_inputs_pass_through():
    model = create_model("lenet5", dtype=jnp.bfloat16)
    x = jnp.ones((1, 16, 16, 1))
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    taps = list_taps(model, x, variables=variables)
    assert (taps["conv1"].dtype, taps[":output"].dtype) == (jnp.bfloat16, jnp.float32)
    embed = nn.Embed(3, 2)
    found = features(embed, embed.init(jax.random.key(0), jnp.array([1])), jnp.array([1]), ":input")
    assert found[":input"] == 1


@pytest.mark.parametrize(
    ("name", "at", "message"),
    [
        ("compact", [], "at=\\(\\): must name a place"),
        ("compact", 3, "must be a name or a list of names"),
        ("compact", ["blok0", "hed"], "2 problems(.|\n)*nearest: 'block0'(.|\n)*nearest: 'head'"),
        ("compact", "stage*", "'stage\\*': is no place.*list_taps\\(model, x\\) lists all"),
        ("shared", "layer", "called 3 times.*use 'layer#1' for the first, to 'layer#3'"),
        ("shared", "layer:input", "use 'layer#1:input' for the first"),
        ("scan", "steps/layer", "lies inside nn.scan.*'taps': 0 to the variable_axes"),
        ("vmap", "many/one", "lies inside nn.vmap"),
        ("cond", "one", "lies in one branch of nn.cond"),
        ("lenet5", "conv3", "nearest: 'conv2', 'conv1'"),
    ],
)
def test_what_is_not_there_is_said(name, at, message):
    model, variables, x = made(name)
    with pytest.raises((ValueError, TypeError), match=message):
        features(model, variables, x, at)


def test_models_that_cannot_be_meant_are_refused():
    model, variables, x = made("compact")
    with pytest.raises(ValueError, match="must not be bound"):
        features(model.bind(variables), variables, x, "head")
    with pytest.raises(TypeError, match="must be a Linen module"):
        features(model.apply, variables, x, "head")
    with pytest.raises(ValueError, match="no argument of this name"):
        features(model, variables, x, "head", train=True)
    with pytest.raises(ValueError, match="NCHW"):
        features(create_model("lenet5"), {"params": {}}, jnp.ones((2, 1, 32, 32)), "conv1")
