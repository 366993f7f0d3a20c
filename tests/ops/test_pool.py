import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcnn import ops
from tests.ops import reference
from tests.ops.derivatives import check_derivatives, check_shard_map, close, quick_jit

# input, window, options
CASES = [
    ((2, 7, 3), 2, {}),
    ((2, 8, 9, 3), 2, {}),
    ((2, 8, 9, 3), 3, {"stride": 2, "padding": 1}),
    ((2, 8, 9, 3), (3, 2), {"stride": (1, 2), "padding": [(1, 0), (0, 1)]}),
    ((2, 8, 9, 3), 3, {"stride": 1, "padding": 1, "dilation": 2}),
    ((2, 4, 5, 6, 2), 2, {"stride": (1, 2, 2)}),
]


def values(shape, distinct=True):
    rng = np.random.default_rng(0)
    if distinct:
        return rng.permutation(np.prod(shape)).reshape(shape) / 7 - 3
    return rng.integers(0, 4, shape).astype(float)


def pulled(f, x, weight):
    """Return a function's value and its gradient weighted by `weight`."""

    @quick_jit
    def run(x, weight):
        y, pull = jax.vjp(f, x)
        return y, pull(weight)[0]

    return run(x, weight)


@pytest.mark.parametrize(("shape", "window", "options"), CASES)
def test_every_pool_equals_a_loop(shape, window, options, x64):
    x = values(shape)
    rows = [
        (ops.max_pool, np.max, -np.inf),
        (ops.min_pool, np.min, np.inf),
        (ops.sum_pool, np.sum, 0),
        (ops.avg_pool, np.mean, 0),
        (ops.lp_pool, lambda seen, axes: np.sqrt(np.sum(seen**2, axes)), 0),
    ]
    run = quick_jit(lambda x: [pool(x, window, **options) for pool, *_ in rows])
    for y, (_, reduce, fill) in zip(run(x), rows, strict=True):
        exact = reference.pool(x, window, reduce, fill=fill, **options)
        np.testing.assert_allclose(y, exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pool", [ops.max_pool, ops.avg_pool, ops.lp_pool])
def test_derivatives(pool, x64):
    shape, window, options = CASES[2]
    check_derivatives(lambda x: pool(x, window, **options), jnp.asarray(values(shape)))


def test_derivatives_of_a_dilated_max_pool(x64):
    shape, window, options = CASES[4]
    check_derivatives(lambda x: ops.max_pool(x, window, **options), jnp.asarray(values(shape)))


@pytest.mark.parametrize("pool", [ops.max_pool, ops.min_pool, ops.avg_pool, ops.lp_pool])
def test_inside_a_users_shard_map(pool, x64):
    shape, window, options = CASES[2]
    x = jnp.asarray(values((8, *shape[1:])))
    check_shard_map(lambda x: pool(x, window, **options), x)


@pytest.mark.parametrize(
    ("window", "stride", "padding"), [(3, 2, 1), (2, 2, 0), (3, 1, 1), (2, 3, 0)]
)
def test_ties_go_to_the_first_maximum_as_in_xla(window, stride, padding):
    x = jnp.asarray(values((2, 7, 9, 3), distinct=False), jnp.float32)
    frame = ((0, 0), (padding, padding), (padding, padding), (0, 0))

    def native(x):
        sizes, steps = (1, window, window, 1), (1, stride, stride, 1)
        return lax.reduce_window(x, -jnp.inf, lax.max, sizes, steps, frame)

    shape = jax.eval_shape(native, x).shape
    weight = jnp.asarray(np.random.default_rng(1).integers(-8, 8, shape), jnp.float32)
    ours = functools.partial(ops.max_pool, window=window, stride=stride, padding=padding)
    for one, other in zip(pulled(ours, x, weight), pulled(native, x, weight), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_scatter_in_the_gradient():
    text = jax.jit(jax.grad(lambda x: ops.max_pool(x, 3, stride=2, padding=1).sum()))
    assert "scatter" not in text.lower(jnp.ones((2, 8, 8, 3))).as_text()


def test_large_windows_are_pooled_axis_by_axis():
    x = jnp.asarray(values((1, 22, 20, 2), distinct=False), jnp.float32)

    def ours(x):
        return ops.max_pool(x, (20, 18), stride=(1, 2), padding=1)

    def native(x):
        sizes, frame = (1, 20, 18, 1), ((0, 0), (1, 1), (1, 1), (0, 0))
        return lax.reduce_window(x, -jnp.inf, lax.max, sizes, (1, 1, 2, 1), frame)

    shape = jax.eval_shape(native, x).shape
    weight = jnp.asarray(np.arange(1.0, np.prod(shape) + 1).reshape(shape), jnp.float32)
    for one, other in zip(pulled(ours, x, weight), pulled(native, x, weight), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_nan_wins_and_takes_the_gradient():
    x = jnp.array([1.0, jnp.nan, 3.0, 4.0]).reshape(1, 4, 1)
    y, pull = jax.vjp(lambda x: ops.max_pool(x, 2), x)
    assert np.isnan(y[0, 0, 0])
    np.testing.assert_array_equal(pull(jnp.ones_like(y))[0].ravel(), [0, 1, 0, 1])


def test_integers_have_a_maximum():
    x = jnp.array([-5, -3, -9, -8], jnp.int32).reshape(1, 4, 1)
    np.testing.assert_array_equal(ops.max_pool(x, 3, stride=1, padding=1).ravel(), [-3, -3, -3, -8])


def test_ceil_mode_is_pytorchs():
    for n, k, s, p in itertools.product((5, 6, 7), (2, 3), (2, 3), (0, 1)):
        x = jnp.ones((1, n, 1))
        whole = -(-(n + 2 * p - k) // s) + 1
        whole -= (whole - 1) * s >= n + p  # the last window must start inside
        y = ops.avg_pool(x, k, stride=s, padding=p, ceil_mode=True, count_include_pad=False)
        np.testing.assert_allclose(y, np.ones((1, whole, 1)), rtol=1e-6)


def test_what_hangs_over_is_not_counted_but_padding_is():
    y = ops.avg_pool(jnp.ones((1, 5, 1)), 2, stride=2, padding=0, ceil_mode=True)
    np.testing.assert_array_equal(y.ravel(), [1, 1, 1])
    y = ops.avg_pool(jnp.ones((1, 5, 1)), 3, stride=3, padding=1, ceil_mode=True)
    close(y.ravel(), np.array([2 / 3, 1]), 1e-6)


@pytest.mark.parametrize(
    "pool", [ops.max_pool, ops.min_pool, ops.avg_pool, ops.sum_pool, ops.lp_pool]
)
def test_bfloat16_stays(pool):
    x = jnp.asarray(values((2, 8, 9, 3)), jnp.bfloat16)
    y, gradient = pulled(functools.partial(pool, window=2), x, jnp.ones((2, 4, 4, 3), x.dtype))
    assert (y.dtype, gradient.dtype) == (jnp.bfloat16, jnp.bfloat16)


def test_averages_in_bfloat16_are_accumulated_in_float32():
    x = jnp.full((1, 4096, 1), 1.0, jnp.bfloat16)
    assert ops.sum_pool(x, 4096).item() == 4096


@pytest.mark.parametrize("place", [(0, 0), (2, 2)])
def test_gradients_of_windows_that_overlap_are_summed_in_single_precision(place):
    x = jnp.zeros((1, 5, 5, 1), jnp.bfloat16).at[0, 2, 2, 0].set(1)
    given = np.full((3, 3), 2.0**-9)
    given[place] = 1  # to which bfloat16 cannot add the others one by one
    pull = jax.vjp(lambda x: ops.max_pool(x, 3, stride=1), x)[1]
    (found,) = pull(jnp.asarray(given.reshape(1, 3, 3, 1), jnp.bfloat16))
    assert float(found[0, 2, 2, 0]) == 1 + 8 * 2.0**-9


@pytest.mark.parametrize("pool", [ops.max_pool, ops.avg_pool])
def test_an_empty_batch_has_a_gradient(pool):
    x = jnp.ones((0, 8, 8, 3))
    assert jax.grad(lambda x: pool(x, 3, stride=2).sum())(x).shape == x.shape
