"""What is frozen does not move, in parameters, statistics and the optimizer's memory."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from jaxcnn import finetune
from tests.finetune.tiny import IMAGES, Tiny, changed, loss, train, variables_of

SGD = optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.1, momentum=0.9))
STEM = {"stem/conv/kernel", "stem/conv/bias", "stem/norm/scale", "stem/norm/bias"}
STATS = {"stem/norm/mean", "stem/norm/var"}


@pytest.mark.parametrize("optimizer", [SGD, optax.adamw(1e-2)], ids=["sgd", "adamw"])
def test_a_frozen_part_is_bitwise_unchanged_and_the_rest_moves(optimizer):
    variables = variables_of()
    apply = finetune.frozen_norms(Tiny().apply, "stem")
    after = train(lambda _: apply, finetune.freeze(optimizer, "stem"), variables, 3)[-1]
    moved = changed(variables, after)
    assert not moved & (STEM | STATS)
    # The bias before a norm has no gradient, but momentum and decay would move it.
    assert {"stage1/conv/kernel", "stage1/norm/mean", "head/kernel", "head/bias"} <= moved


def test_without_frozen_norms_the_statistics_would_move():
    variables = variables_of()
    after = train(lambda _: Tiny().apply, finetune.freeze(SGD, "stem"), variables, 1)[-1]
    assert changed(variables, after) >= STATS


def test_the_optimizer_has_no_memory_for_what_is_frozen():
    params = variables_of()["params"]
    state = finetune.freeze(optax.adam(0.1), ["**", "!head"]).init(params)
    sizes = [leaf.size for leaf in jax.tree.leaves(state)]
    assert sum(sizes) == 2 * (4 * 3 + 3) + 1


def test_a_frozen_norm_normalises_with_its_statistics():
    """With everything frozen the training mode is inference."""
    variables, model = variables_of(), Tiny()
    stats = jax.tree.map(lambda s: s + 0.5, variables["batch_stats"])
    variables = {**variables, "batch_stats": stats}
    apply = finetune.frozen_norms(model.apply, "**")
    frozen, new = apply(variables, IMAGES, train=True, mutable=["batch_stats"])
    np.testing.assert_array_equal(frozen, model.apply(variables, IMAGES))
    assert not changed({"batch_stats": stats}, new)
    free = model.apply(variables, IMAGES, train=True, mutable=["batch_stats"])[0]
    assert not np.allclose(frozen, free)


@pytest.mark.parametrize("when", [True, False])
def test_a_traced_condition_is_the_static_one(when):
    variables, model = variables_of(), Tiny()

    @jax.jit
    def run(when):
        apply = finetune.frozen_norms(model.apply, "stem", when)
        return apply(variables, IMAGES, train=True, mutable=["batch_stats"])

    apply = finetune.frozen_norms(model.apply, "stem") if when else model.apply
    wanted = jax.jit(lambda: apply(variables, IMAGES, train=True, mutable=["batch_stats"]))()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=5e-6), run(when), wanted)


def test_recomputed_blocks_have_the_same_gradients(x64):
    variables = jax.tree.map(lambda v: v.astype(jnp.float64), variables_of())

    def grads(model):
        apply = finetune.frozen_norms(model.apply, "stage1")
        function = jax.grad(lambda p: loss(apply, p, variables["batch_stats"]), has_aux=True)
        return jax.jit(function)(variables["params"])

    plain, remat = grads(Tiny()), grads(Tiny(remat=True))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), plain, remat)
    assert not changed({"b": variables["batch_stats"]["stage1"]}, {"b": plain[1]["stage1"]})


def test_every_device_of_a_shard_map_freezes_alike():
    """Frozen norms make the examples independent, so that eight devices give what one does."""
    variables = variables_of()
    mesh = jax.make_mesh((8,), ("batch",), axis_types=(AxisType.Auto,))
    apply = finetune.frozen_norms(Tiny().apply, "**")

    def logits(images):
        return apply(variables, images, train=True, mutable=["batch_stats"])[0]

    mapped = jax.shard_map(logits, mesh=mesh, in_specs=P("batch"), out_specs=P("batch"))
    np.testing.assert_allclose(jax.jit(mapped)(IMAGES), logits(IMAGES), atol=1e-6)


@pytest.mark.slow
def test_no_gradient_flows_below_what_is_trained():
    variables = variables_of()

    def value(params):
        params = finetune.stop_gradients(params, ["**", "!head"])
        return loss(finetune.frozen_norms(Tiny().apply, "**"), params, variables["batch_stats"])[0]

    grads = jax.grad(value)(variables["params"])
    assert not any(bool(g.any()) for g in jax.tree.leaves((grads["stem"], grads["stage1"])))
    assert bool(grads["head"]["kernel"].any())
    # The backward pass is gone, not only its result: no convolution is left but the forward ones.
    text = str(jax.make_jaxpr(lambda p: jax.jit(jax.grad(value))(p)["head"])(variables["params"]))
    free = jax.make_jaxpr(
        lambda p: jax.jit(jax.grad(lambda p: loss(Tiny().apply, p, variables["batch_stats"])[0]))(p)
    )(variables["params"])
    assert text.count("conv_general_dilated[") < str(free).count("conv_general_dilated[")


@pytest.mark.parametrize(
    "use",
    [
        lambda v: finetune.freeze(SGD, "stme").init(v["params"]),
        lambda v: finetune.stop_gradients(v["params"], "stme"),
        lambda v: finetune.frozen_norms(Tiny().apply, "stme")(v, IMAGES),
        lambda v: finetune.unfreeze(SGD, ["stme"], [0]).init(v["params"]),
    ],
)
def test_an_unknown_path_is_an_error_everywhere(use):
    with pytest.raises(ValueError, match="covers no parameter.*stem"):
        use(variables_of())
