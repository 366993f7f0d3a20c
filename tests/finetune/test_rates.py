"""Gradual unfreezing at exact steps, and rates by layer."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxcnn import create_model, finetune
from tests.finetune.tiny import Tiny, changed, train, variables_of

STAGES, STARTS = ["head", ["stage1"], "**"], [0, 2, 3]


def rooms(paths):
    return {path.split("/")[0] for path in paths}


def test_each_group_begins_at_its_step_in_one_program():
    """Parameters and statistics; `train` asserts that nothing is compiled twice."""
    variables = variables_of()
    optimizer = finetune.unfreeze(optax.sgd(0.1, momentum=0.9), STAGES, STARTS)

    def apply_at(step):
        return finetune.unfreezing_norms(Tiny().apply, STAGES, STARTS, step)

    states = [variables, *train(apply_at, optimizer, variables, 4)]
    moved = [rooms(changed(a, b)) for a, b in zip(states, states[1:], strict=False)]
    everything = {"stem", "stage1", "head"}
    assert moved == [{"head"}, {"head"}, {"stage1", "head"}, everything]
    norms = {f"{room}/norm/{leaf}" for room in everything for leaf in ("mean", "var")}
    assert changed(states[2], states[3]) & norms == {"stage1/norm/mean", "stage1/norm/var"}


def test_what_no_group_covers_never_moves():
    variables = variables_of()
    optimizer = finetune.unfreeze(optax.adamw(0.1), ["head"], [0])

    def apply_at(step):
        return finetune.unfreezing_norms(Tiny().apply, ["head"], [0], step)

    after = train(apply_at, optimizer, variables, 2)[-1]
    assert rooms(changed(variables, after)) == {"head"}


def test_the_state_of_a_group_rests_until_it_begins():
    """Its first update is Adam's first: the rate times the sign of the gradient."""
    params = {"stem": jnp.ones(3), "head": jnp.ones(3)}
    grads = {"stem": jnp.array([3.0, -0.5, 1e-3]), "head": jnp.ones(3)}
    optimizer = finetune.unfreeze(optax.adam(0.1), ["head", "stem"], [0, 5])
    state, update = optimizer.init(params), jax.jit(optimizer.update)
    for _ in range(5):
        updates, state = update(grads, state, params)
        assert not updates["stem"].any()
    updates, _ = update(grads, state, params)
    np.testing.assert_allclose(updates["stem"], -0.1 * jnp.sign(grads["stem"]), rtol=1e-4)


@pytest.mark.parametrize(
    ("stages", "starts", "message"),
    [
        (["head", "**"], [0], "one entry for each of the 2"),
        ([], [], "one entry"),
        (["head", "**"], [5, 0], "do not decrease"),
        (["head", "**"], [0, -1], "steps >= 0"),
        (["head", "!stem"], [0, 1], "without '!'"),
        (["head", "head"], [0, 1], "each pattern once"),
    ],
)
def test_stages_that_cannot_be_meant(stages, starts, message):
    with pytest.raises(ValueError, match=message):
        finetune.unfreeze(optax.sgd(0.1), stages, starts)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_layerwise_updates_are_those_of_smaller_rates(name, x64):
    """Against one optimizer for each layer, with the rate that is computed by hand."""

    def make(rate):
        if name == "adamw":
            return optax.adamw(rate, weight_decay=0.1)
        return optax.sgd(rate, momentum=0.9, nesterov=True)

    params = {"head": jnp.array([2.0]), "mid": jnp.array([0.5]), "stem": jnp.array([-1.0])}
    order = ["stem", "mid", "head"]
    ours = optax.chain(make(0.4), finetune.scale_by_layer(order, 0.25))
    by_hand = optax.multi_transform(
        {"stem": make(0.025), "mid": make(0.1), "head": make(0.4)}, {k: k for k in params}
    )
    states = ours.init(params), by_hand.init(params)
    for i in range(3):
        grads = jax.tree.map(lambda p, i=i: jnp.sin(p + i), params)
        a, first = ours.update(grads, states[0], params)
        b, second = by_hand.update(grads, states[1], params)
        states = first, second
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-12), a, b)
        params = optax.apply_updates(params, a)


def test_rates_reach_every_parameter_of_a_network():
    model, shape = create_model("resnet20", blocks=2), (1, 8, 8, 3)
    order = finetune.layer_order(model, shape)
    assert order[:3] == ("stem", "stage1/block1", "stage1/block2")
    assert order[-1] == "head"
    spec = jax.ShapeDtypeStruct(shape, jnp.float32)
    params = jax.eval_shape(model.init, jax.random.key(0), spec)["params"]
    rates = finetune.layerwise_rates(params, order, 0.5)
    assert set(jax.tree.leaves(rates["stem"])) == {0.5**7}
    assert set(jax.tree.leaves(rates["stage3"]["block2"])) == {0.5}
    assert jax.tree.structure(rates) == jax.tree.structure(params)


@pytest.mark.parametrize(
    ("order", "decay", "message"),
    [(["stem"], 0.0, r"\(0, 1\]"), (["stme"], 0.5, "covers no parameter.*stem")],
)
def test_rates_that_cannot_be_meant(order, decay, message):
    with pytest.raises(ValueError, match=message):
        finetune.scale_by_layer(order, decay).init({"stem": 0})
