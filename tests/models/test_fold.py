"""Batch norms folded into convolutions: the same logits, and what cannot be folded stays."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

import jaxcnn
from jaxcnn import layers
from tests.marks import mostly_slow
from tests.models.reduced import REDUCED

LEFT = {
    # Batch norms of the reduced network, and how many of them no convolution precedes.
    "vgg": (3, 0),
    "inception": (8, 1),  # that of the auxiliary head, which inference does not run
    "convnet": (2, 0),
    "shufflenet_v2": (10, 0),
    "mobilenet_v2": (10, 0),
    "mobilenet_v3": (7, 0),
    "mnasnet": (7, 0),
    "efficientnet": (9, 0),
    "resnet": (9, 0),
    "preact_resnet": (10, 3),
    "densenet": (9, 5),
    "backbone_unet": (7, 0),
    "regnet": (9, 0),
    "cifar_resnet": (7, 0),
}
QUICK = {"convnet", "preact_resnet"}


def random_variables(model, x):
    """Variables of a network that was trained for long, so that no two channels are alike."""
    spec = flatten_dict(jax.eval_shape(model.init, jax.random.key(0), x))
    rng, flat = np.random.default_rng(0), {}
    for path, leaf in spec.items():
        value = rng.normal(size=leaf.shape).astype(x.dtype)
        fan_in = max(1, leaf.size // leaf.shape[-1]) if path[-1] == "kernel" else 1
        flat[path] = jnp.asarray(abs(value) + 0.5 if path[-1] == "var" else value / fan_in**0.5)
    return unflatten_dict(flat)


def norms(variables):
    return sum(path[-1] == "mean" for path in flatten_dict(variables.get("batch_stats", {})))


def test_every_family_with_batch_norms_is_listed():
    for family, row in REDUCED.items():
        model = jaxcnn.create_model(row.name, num_classes=4, **row.fields)
        if type(getattr(model, "norm", None)) is layers.BatchNormConfig:
            assert family in LEFT, family


@pytest.mark.parametrize("family", mostly_slow(LEFT, QUICK))
def test_logits_stay(family, x64):
    row = REDUCED[family]
    model = jaxcnn.create_model(row.name, num_classes=4, **row.fields)
    x = jax.random.normal(jax.random.key(2), (2, *row.shape), jnp.float64)
    variables = random_variables(model, x)
    folded, less = jaxcnn.fold_batch_norm(model, variables)
    assert (norms(variables), norms(less)) == LEFT[family]
    assert hash(folded) == hash(jaxcnn.fold_batch_norm(model, variables)[0])

    @jax.jit
    def both(variables, less, x):
        return model.apply(variables, x), folded.apply(less, x)

    expected, found = both(variables, less, x)
    assert expected.std() > 0
    assert jnp.abs(found - expected).max() <= 1e-12 * jnp.abs(expected).max()
    with pytest.raises(ValueError, match=r"train=True: cannot be True: this norm is folded"):
        jax.eval_shape(
            lambda v: folded.apply(v, x, train=True, mutable=True, rngs=jax.random.key(0)), less
        )


class Odd(nn.Module):
    """Places where a convolution and a norm are neighbours and must not be merged."""

    norm: object = layers.BatchNormConfig()

    @nn.compact
    def __call__(self, x, train=False):
        def norm(name):
            return self.norm(use_running_average=not train, name=name)

        y = layers.Conv(2, (1, 1), name="read_twice")(x)
        x = norm("norm1")(y) + y
        shared, after = layers.Conv(2, (1, 1), name="called_twice"), norm("norm2")
        x = after(shared(after(shared(x))))
        x = norm("norm3")(nn.relu(layers.Conv(2, (1, 1), name="not_linear")(x)))
        return norm("norm4")(nn.Dense(2, name="dense")(x))


def test_only_what_nothing_else_reads_is_folded():
    model, x = Odd(), jax.random.normal(jax.random.key(0), (2, 3, 3, 2))
    variables = random_variables(model, x)
    folded, less = jaxcnn.fold_batch_norm(model, variables, input_shape=x.shape)
    assert sorted(less["batch_stats"]) == ["norm1", "norm2", "norm3"]
    assert "norm4" not in less["params"]  # the linear layer has a bias that takes its shift
    assert jnp.allclose(folded.apply(less, x), model.apply(variables, x), atol=1e-5)
    again, same = jaxcnn.fold_batch_norm(folded, less, input_shape=x.shape)
    assert again == folded
    assert jax.tree.all(jax.tree.map(jnp.array_equal, same, less))


def test_initialising_a_folded_model_gives_the_network_that_it_was():
    model, x = Odd(), jnp.ones((2, 3, 3, 2))
    variables = model.init(jax.random.key(0), x)
    folded, _ = jaxcnn.fold_batch_norm(model, variables, input_shape=x.shape)
    again = folded.init(jax.random.key(0), x)
    assert jax.tree.structure(again) == jax.tree.structure(variables)


class Hard(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.BatchNorm(use_running_average=True)(nn.Conv(2, (1, 1))(x))


@pytest.mark.parametrize("norm", [nn.BatchNorm, layers.BatchNorm])
def test_a_class_serves_as_a_field_too(norm):
    model, x = Odd(norm), jnp.ones((2, 3, 3, 2))
    variables = random_variables(model, x)
    folded, less = jaxcnn.fold_batch_norm(model, variables, input_shape=x.shape)
    assert jnp.allclose(folded.apply(less, x), model.apply(variables, x), atol=1e-5)


def test_misuse_is_told():
    x = jnp.ones((1, 3, 3, 2))
    hard = Hard().init(jax.random.key(0), x)
    with pytest.raises(ValueError, match=r"model='Hard': must make its batch norms by a field"):
        jaxcnn.fold_batch_norm(Hard(), hard)
    model = jaxcnn.create_model("resnet20", blocks=1)
    broken = {"params": {"stem": {}}, "batch_stats": {"stem": jnp.ones(1)}}
    with pytest.raises(ValueError, match=r"pass input_shape=\(1, H, W, C\)"):
        jaxcnn.fold_batch_norm(model, broken)


def test_networks_without_batch_norms_are_given_back():
    model = jaxcnn.create_model("lenet5")
    variables = {"params": {}}
    assert jaxcnn.fold_batch_norm(model, variables) == (model, variables)
