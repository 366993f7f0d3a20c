import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import layers, ops
from tests.ops.derivatives import quick_jit

INDEX = jnp.array([5, 3, 11, 8])


class Net(nn.Module):
    remat: bool = False

    @nn.compact
    def __call__(self, x):
        dropout = nn.remat(layers.Dropout) if self.remat else layers.Dropout
        x = dropout(0.5, deterministic=False, name="first")(x)
        x = nn.Dense(32, kernel_init=nn.initializers.ones)(x)
        x = layers.StochasticDepth(0.5, deterministic=False, name="second")(x)
        return layers.Dropout(0.5, deterministic=False, name="third")(x)


def run(net, x, index):
    variables = {"params": {"Dense_0": {"kernel": jnp.ones((32, 32)), "bias": jnp.zeros(32)}}}

    @quick_jit
    def apply(x, index):
        rngs = {"dropout": layers.per_example(jax.random.key(0), index)}
        return net.apply(variables, x, rngs=rngs)

    return apply(x, index)


@pytest.mark.parametrize("remat", [False, True])
def test_draws_belong_to_the_example(remat):
    x = jax.random.normal(jax.random.key(1), (4, 32))
    whole = run(Net(), x, INDEX)
    order = jnp.array([2, 0, 3, 1])
    np.testing.assert_array_equal(run(Net(remat), x[order], INDEX[order]), whole[order])
    np.testing.assert_array_equal(run(Net(remat), x[:2], INDEX[:2]), whole[:2])


def test_layers_draw_apart():
    ones = jnp.ones((4, 200))
    rngs = {"dropout": layers.per_example(jax.random.key(0), INDEX)}

    class Two(nn.Module):
        @nn.compact
        def __call__(self, x):
            drop = layers.Dropout(0.5, deterministic=False)
            return drop(x), drop(x), layers.Dropout(0.5, deterministic=False)(x)

    drawn = Two().apply({}, ones, rngs=rngs)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert 0.4 < (drawn[one] == drawn[other]).mean() < 0.6


def test_one_key_draws_as_flax():
    x = jnp.ones((4, 5, 6))
    for options in ({}, {"broadcast_dims": (1,)}, {"broadcast_dims": (0, -1)}):
        theirs, ours = (
            lib.Dropout(0.3, deterministic=False, **options).apply(
                {}, x, rngs={"dropout": jax.random.key(7)}
            )
            for lib in (nn, layers)
        )
        np.testing.assert_array_equal(theirs, ours)


def test_shared_draws_and_keys_per_example():
    keys = jax.random.split(jax.random.key(0), 6)
    y = ops.dropout(jnp.ones((6, 8, 8, 20)), 0.5, keys, broadcast_dims=(1, 2))
    assert (y == y[:, :1, :1]).all()
    assert not (y == y[:1]).all()
    np.testing.assert_array_equal(
        ops.stochastic_depth(jnp.ones((6, 3)), 0.5, keys)[2:],
        ops.stochastic_depth(jnp.ones((4, 3)), 0.5, keys[2:]),
    )


def test_the_mean_is_kept():
    y = ops.dropout(jnp.ones((1000, 100)), 0.2, jax.random.key(0))
    assert abs(y.mean() - 1) < 0.01
    y = ops.stochastic_depth(jnp.ones((100_000, 1)), 0.2, jax.random.key(0))
    assert abs(y.mean() - 1) < 0.01


def test_the_ends_of_the_range():
    x, key = jnp.ones((2, 3)), jax.random.key(0)
    np.testing.assert_array_equal(ops.dropout(x, 0.0, key), x)
    gradient = jax.grad(lambda x: ops.dropout(x, 1.0, key).sum())(x)
    np.testing.assert_array_equal(gradient, 0)


def test_a_missing_key_is_explained():
    with pytest.raises(
        ValueError, match=r"rngs=\{'dropout'.*train=False \(deterministic=True\)\.(?! )"
    ):
        layers.Dropout(0.5, deterministic=False).apply({}, jnp.ones((2, 3)))
