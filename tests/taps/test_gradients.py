"""Gradients inside a network: against hand-split networks, and finite differences."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import PartitionSpec as P

from jaxcnn import create_model, features, grad_at
from jaxcnn.taps import (
    Channel,
    Difference,
    Direction,
    Gradients,
    Layer,
    Logit,
    Neuron,
    Probability,
    Score,
    as_target,
    top1,
)
from jaxcnn.taps.gradients import _grad_at
from tests.taps import networks

close = partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-12)


def made(model, shape=(3, 5)):
    x = jax.random.normal(jax.random.key(1), shape, jnp.result_type(float))
    return model, networks.variables_of(model, x), x


def dense(params, x):
    return x @ params["kernel"] + params["bias"][None]


def block(params, x):
    return jnp.tanh(dense(params["two"], jnp.tanh(dense(params["one"], x))))


@pytest.mark.parametrize("model", [networks.Stack(), networks.REMAT(), networks.JIT()])
@pytest.mark.usefixtures("x64")
def test_it_is_the_gradient_of_the_network_split_by_hand(model):
    _, variables, x = made(networks.Stack())
    p = variables["params"]

    def rest(a):
        return dense(p["head"], block(p["block1"], a))[:, 1].sum()

    def inner(a):
        return dense(p["head"], jnp.tanh(dense(p["block1"]["two"], jnp.tanh(a))))[:, 1].sum()

    a = block(p["block0"], x)
    b = dense(p["block1"]["one"], a)
    found = grad_at(model, variables, x, ["block0", "block1/one", ":input"], 1)
    close(found.gradient["block0"], jax.grad(rest)(a))
    close(found.gradient["block1/one"], jax.grad(inner)(b))
    close(found.gradient[":input"], jax.grad(lambda x: rest(block(p["block0"], x)))(x))
    close(found.activation["block1/one"], b)
    close(found.output, model.apply(variables, x))
    close(found.score, found.output[:, 1])


@pytest.mark.usefixtures("x64")
def test_it_agrees_with_finite_differences():
    model, variables, x = made(networks.Setup())
    found = grad_at(model, variables, x, ":input", 2)
    step = np.random.default_rng(1).normal(size=x.shape)
    apply = jax.jit(model.apply)
    high, low = (apply(variables, x + e * step)[:, 2].sum() for e in (1e-5, -1e-5))
    close((high - low) / 2e-5, (found.gradient * step).sum(), rtol=1e-7)


@pytest.mark.usefixtures("x64")
def test_calls_of_one_module_have_gradients_of_their_own():
    model, variables, x = made(networks.Shared())
    p = variables["params"]
    found = grad_at(model, variables, x, ["layer#1", "layer#3:input", "layer#3"], 0)

    def after(count, a):
        for _ in range(count):
            a = dense(p["layer"], jnp.tanh(a))
        return dense(p["head"], jnp.tanh(a))[:, 0].sum()

    for name, count in (("layer#1", 2), ("layer#3", 0)):
        activation = found.activation[name]
        close(found.gradient[name], jax.grad(partial(after, count))(activation))
    inputs = dense(p["layer"], found.activation["layer#3:input"])
    back = jax.grad(partial(after, 0))(inputs) @ p["layer"]["kernel"].T
    close(found.gradient["layer#3:input"], back)


@pytest.mark.usefixtures("x64")
def test_a_loop_that_lets_values_out_has_gradients_of_each_step():
    model = networks.Scanned((("params", 0), ("taps", 0)))
    _, variables, x = made(networks.Scanned())
    found = grad_at(model, variables, x, "steps/layer", 2)
    p = variables["params"]
    last = jax.grad(lambda a: dense(p["head"], jnp.tanh(a))[:, 2].sum())(found.activation[-1])
    close(found.gradient[-1], last)
    assert np.abs(found.gradient).min() > 0


@pytest.mark.usefixtures("x64")
def test_several_inputs_have_a_gradient_each():
    model, variables, x = made(networks.Setup())
    found = grad_at(model, variables, x, "merge:input", 0)
    (a, b), (da, db) = found.activation, found.gradient
    product = grad_at(model, variables, x, "layers_0:input", 0).gradient
    close(da, product * b)
    close(db, product * a)


@pytest.mark.parametrize(
    ("model", "shape", "at"),
    [
        (networks.Sower(), (3, 5), "norm"),
        pytest.param(
            create_model("resnet20", blocks=1, width=4),
            (3, 8, 8, 3),
            "stage2",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_examples_do_not_mix_and_statistics_stay(model, shape, at):
    model, variables, x = made(model, shape)
    classes = np.array([1, 0, 2])
    before = jax.tree.map(np.array, variables)
    found = grad_at(model, variables, x, [at, ":input"], classes)
    for name, value in grad_at(model, variables, x[1:2], [at, ":input"], 0).gradient.items():
        np.testing.assert_allclose(found.gradient[name][1:2], value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.score, found.output[np.arange(3), classes])
    rngs = {"dropout": jax.random.key(0)}
    mixed = grad_at(model, variables, x, ":input", 0, train=True, rngs=rngs)
    assert mixed.gradient.shape == x.shape
    jax.tree.map(np.testing.assert_array_equal, before, variables)


def test_it_works_within_jit_vmap_and_grad():
    model, variables, x = made(networks.REMAT())
    plain = grad_at(model, variables, x, "block0", 1)

    def one(x, target):
        found = grad_at(model, variables, x[None], "block0", target)
        return jax.tree.map(lambda value: value[0], found)

    mapped = jax.jit(jax.vmap(one))(x, jnp.ones(3, int))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), mapped, plain)
    # The gradient of a gradient's norm, as regularisers use it.
    second = jax.grad(lambda x: (one(x, 1).gradient ** 2).sum())(x[0])
    assert np.abs(second).sum() > 0


@pytest.mark.parametrize("check_vma", [True, False])
def test_within_a_users_shard_map_each_device_has_its_own_gradients(check_vma):
    model, variables, x = made(networks.Stack(), (4, 5))
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))

    def local(variables, x):
        return grad_at(model, variables, x, ["block0", ":input"], 1).gradient

    spread = jax.shard_map(
        local, mesh=mesh, in_specs=(P(), P("data")), out_specs=P("data"), check_vma=check_vma
    )
    expected = local(variables, x)
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6),
        jax.jit(spread)(variables, x),
        expected,
    )


def test_another_class_or_neuron_does_not_compile_anew():
    model, variables, x = made(networks.Stack())
    targets = [0, Logit(0), 2, Neuron("block0", 1), Neuron("block0", 3)]
    sizes = []
    for target in targets:
        grad_at(model, variables, x, "block0/one", target)
        sizes.append(_grad_at._cache_size())
    assert sizes[0] == sizes[1] == sizes[2] == sizes[3] - 1 == sizes[4] - 1


def test_bfloat16_activations_have_bfloat16_gradients():
    model = create_model("lenet5", dtype=jnp.bfloat16)
    x = jnp.ones((1, 16, 16, 1))
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    found = jax.eval_shape(lambda v: grad_at(model, v, x, "conv1", 0), variables)
    assert isinstance(found, Gradients)
    assert (found.gradient.dtype, found.score.dtype) == (jnp.bfloat16, jnp.float32)


def test_nothing_runs_beyond_the_target_or_back_below_the_place():
    model, variables, x = made(networks.Stack())

    def cost(at, target):
        compiled = jax.jit(lambda v: grad_at(model, v, x, at, target).gradient).lower(variables)
        return compiled.compile().cost_analysis()["flops"]

    whole = cost("block0/one", 0)
    assert cost("block1", 0) < whole
    assert cost("block0/one", Layer("block0")) < whole / 2
    part = {"params": {"block0": variables["params"]["block0"]}}
    found = grad_at(model, part, x, "block0/one", Channel("block0", 2))
    assert found.output.shape == (3, 4)


LOGITS = np.array([[1.0, 3.0, 2.0], [0.0, -1.0, 4.0]])
MAPS = np.arange(2 * 2 * 2 * 3).reshape(2, 2, 2, 3) / 10


def softmax(values):
    return np.exp(values) / np.exp(values).sum(-1, keepdims=True)


@pytest.mark.parametrize(
    ("target", "output", "expected"),
    [
        (1, LOGITS, LOGITS[:, 1]),
        (np.array([2, 0]), LOGITS, [2, 0]),
        ("top1", LOGITS, [3, 4]),
        (top1, LOGITS, [3, 4]),
        (Probability(2), LOGITS, softmax(LOGITS)[:, 2]),
        (Probability(), LOGITS, softmax(LOGITS).max(1)),
        (Difference(top1, 0), LOGITS, [2, 4]),
        (Difference(Probability(1), Probability(0)), LOGITS, softmax(LOGITS) @ [-1, 1, 0]),
        (lambda logits: logits.sum(1), LOGITS, LOGITS.sum(1)),
        (2, MAPS, MAPS.mean((1, 2))[:, 2]),
        (Neuron("a", (1, 0, 2)), MAPS, MAPS[:, 1, 0, 2]),
        (Channel("a", 1), MAPS, MAPS.mean((1, 2))[:, 1]),
        (Direction("a", np.array([1.0, 0, -1])), MAPS, MAPS.mean((1, 2)) @ [1, 0, -1]),
        (Layer("a"), MAPS, (MAPS**2).sum((1, 2, 3)) / 2),
        (Score(lambda a: a.max((1, 2, 3)), "a"), MAPS, MAPS.max((1, 2, 3))),
    ],
)
@pytest.mark.usefixtures("x64")
def test_targets_are_what_their_formulas_say(target, output, expected):
    close(as_target(target)(jnp.asarray(output)), expected)


@pytest.mark.usefixtures("x64")
def test_the_gradient_of_a_whole_layer_is_its_activation():
    model, variables, x = made(networks.Stack())
    found = grad_at(model, variables, x, "block0", Layer("block0"))
    close(found.gradient, found.activation)
    close(found.activation, features(model, variables, x, "block0")["block0"])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (3, "target=3: must lie in 0 to 2"),
        (-1, "target=-1: must lie in 0 to 2"),
        (np.array([0, 1, 5]), "must lie in 0 to 2"),
        (np.array([0, 1]), r"must be an int, or ints of shape \(3,\)"),
        (np.array([0.5] * 3), "must be an int"),
        ("top5", "grad_at: target='top5': must be a class, an array"),
        (None, "must be a class, an array"),
        (1.5, "must be a class, an array"),
        (Difference(0, 9), "target=9"),
        (Difference(0, Layer("block0")), "second='block0': must look at ':output'"),
        (Neuron("block0", (1, 2)), r"one entry for each axis of \(4,\)"),
        (Neuron("block0", 4), "target.index=4: must lie in 0 to 3"),
        (Channel("block0", -1), "target.channel=-1"),
        (Direction("block0", np.ones(3)), r"must have shape \(4,\)"),
        (Layer("blok0"), "target.at='blok0'.*nearest: 'block0'"),
        (jnp.sum, r"one score for each example, \(3,\), got \(\)"),
        (lambda logits: logits.argmax(1), "one score for each example"),
    ],
)
def test_targets_that_cannot_be_meant_are_refused(target, message):
    model, variables, x = made(networks.Stack())
    with pytest.raises((ValueError, TypeError), match=message):
        grad_at(model, variables, x, "block0/one", target)


def test_a_class_out_of_range_that_is_traced_gives_no_number():
    scores = jax.jit(lambda c: Logit(c)(jnp.ones((2, 3))))(jnp.array([-1, 3]))
    assert np.isnan(scores).all()


def test_places_without_gradients_are_refused():
    embed = nn.Embed(3, 2)
    x = jnp.array([1, 2])
    variables = embed.init(jax.random.key(0), x)
    with pytest.raises(TypeError, match="':input': has no floating-point values"):
        grad_at(embed, variables, x, ":input", 0)
    model, variables, x = made(networks.Stack())
    with pytest.raises(ValueError, match="3 problems"):
        grad_at(model, variables, x, ["blok", "hed"], Layer("bloc"))
