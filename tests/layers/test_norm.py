import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from jaxcnn import layers, ops
from tests.ops.derivatives import check_derivatives, quick_jit

X = jax.random.normal(jax.random.key(0), (8, 3, 4, 2)) * 2 + 1


def train(layer, x=X, **options):
    @quick_jit
    def apply(x, options):
        variables = layer.init(jax.random.key(0), x, use_running_average=True)
        return layer.apply(
            variables, x, use_running_average=False, mutable=["batch_stats"], **options
        )

    return apply(x, options)


def test_momentum_is_what_is_kept_and_the_variance_biased():
    y, new = train(layers.BatchNorm(momentum=0.9))
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(new["batch_stats"]["mean"], 0.1 * X.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(new["batch_stats"]["var"], 0.9 + 0.1 * X.var((0, 1, 2)), rtol=1e-5)


def test_the_running_variance_can_be_pytorchs():
    _, new = train(layers.BatchNorm(momentum=0.9, unbiased=True))
    expected = 0.9 + 0.1 * X.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(new["batch_stats"]["var"], expected, rtol=1e-5)


def test_frozen_statistics_stay_in_training():
    y, new = train(layers.BatchNorm(frozen=True))
    np.testing.assert_allclose(y, X / np.sqrt(1 + 1e-5), rtol=1e-6)
    np.testing.assert_array_equal(new["batch_stats"]["mean"], 0)


@pytest.mark.parametrize("fast", [True, False])
def test_masked_examples_count_nowhere_even_when_nan(fast):
    mask = jnp.arange(8) < 5
    x = jnp.where(mask[:, None, None, None], X, jnp.nan)
    layer = layers.BatchNorm(use_fast_variance=fast)
    y, new = train(layer, x, mask=mask)
    short, expected = train(layer, X[:5])
    np.testing.assert_allclose(y[:5], short, rtol=1e-5, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), new, expected)


@pytest.mark.parametrize("fast", [True, False])
def test_the_mean_is_subtracted_first_where_that_is_asked_for(fast):
    """Far from zero a factor on `x` loses the digits that a difference keeps."""
    x = jnp.array([8192 - 1 / 1024, 8192 + 1 / 1024])
    y = ops.normalize(x, jnp.float32(8192), jnp.float32(0.3), (0,), fast=fast)
    expected = np.array([-1, 1]) / 1024 / np.sqrt(0.3 + 1e-5)
    error = np.abs(y - expected).max() / expected.max()
    assert error > 1e-2 if fast else error < 1e-6


def test_a_batch_without_examples_changes_nothing():
    y, new = train(layers.BatchNorm(unbiased=True), mask=jnp.zeros(8, bool))
    assert np.isfinite(y).all()
    np.testing.assert_array_equal(new["batch_stats"]["mean"], 0)
    np.testing.assert_array_equal(new["batch_stats"]["var"], 1)


def spread(groups, mask):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    layer = layers.BatchNorm(axis_name="data", axis_index_groups=groups, momentum=0.5)
    variables = layer.init(jax.random.key(0), X, use_running_average=True)

    def local(x, mask):
        options = {"use_running_average": False, "mutable": ["batch_stats"], "mask": mask}
        y, new = layer.apply(variables, x, **options)
        return y, new["batch_stats"]["mean"][None]

    specs = (P("data"), P("data"))
    # Groups are not supported by the default check of what varies over devices.
    mapped = jax.shard_map(
        local, mesh=mesh, in_specs=specs, out_specs=specs, check_vma=groups is None
    )
    return jax.jit(mapped)(X, mask)


def test_synchronised_statistics_weight_unequal_masks_rightly():
    mask = jnp.array([1, 0, 0, 1, 1, 0, 1, 1], bool)
    y, mean = spread(None, mask)
    expected, _ = train(layers.BatchNorm(), mask=mask)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mean[0], 0.5 * X[mask].mean((0, 1, 2)), rtol=1e-5)


def test_grouped_statistics_are_those_of_the_group():
    y, _ = spread([[0, 1, 2, 3], [4, 5, 6, 7]], jnp.ones(8, bool))
    halves = [train(layers.BatchNorm(), half)[0] for half in (X[:4], X[4:])]
    np.testing.assert_allclose(y, jnp.concatenate(halves), rtol=1e-4, atol=1e-5)


def test_statistics_in_float32_whatever_the_input():
    x = X.astype(jnp.bfloat16)
    y, new = train(layers.BatchNorm(dtype=jnp.bfloat16), x)
    assert y.dtype == jnp.bfloat16
    assert new["batch_stats"]["var"].dtype == jnp.float32
    y, mean, _ = ops.batch_norm(x, jnp.zeros(2), jnp.ones(2))
    assert (y.dtype, mean.dtype) == (jnp.bfloat16, jnp.float32)


def test_the_function_and_the_layer_agree():
    y, new = train(layers.BatchNorm(momentum=0.7))
    z, mean, var = quick_jit(lambda *args: ops.batch_norm(*args, decay=0.7))(
        X, jnp.zeros(2), jnp.ones(2)
    )
    np.testing.assert_array_equal(y, z)
    np.testing.assert_array_equal(new["batch_stats"]["mean"], mean)
    np.testing.assert_array_equal(new["batch_stats"]["var"], var)
    y, same, _ = ops.batch_norm(X, mean, var, train=False)
    expected = (np.asarray(X) - np.asarray(mean)) / np.sqrt(var + 1e-5)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    assert same is mean


def test_derivatives(x64):
    x = X.astype(jnp.float64)
    scale, bias = jnp.array([1.5, 0.5]), jnp.array([0.1, -0.2])

    def f(x, scale, bias):
        zeros, ones = jnp.zeros(2), jnp.ones(2)
        return ops.batch_norm(x, zeros, ones, scale=scale, bias=bias, mask=jnp.arange(8) < 6)[0]

    check_derivatives(f, x, scale, bias)


def test_configs_are_values():
    config = layers.BatchNormConfig(axis_name="data", axis_index_groups=((0, 1), (2, 3)))
    assert config == layers.BatchNormConfig(axis_name="data", axis_index_groups=((0, 1), (2, 3)))
    assert hash(config) != hash(layers.BatchNormConfig())
    layer = config(use_running_average=True, name="norm", scale_init=jax.nn.initializers.zeros)
    assert (layer.momentum, layer.axis_name, layer.name) == (0.9, "data", "norm")
    assert layer.scale_init is jax.nn.initializers.zeros
