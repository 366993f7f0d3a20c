"""Adaptive pooling, unpooling, local response norm, patches, factorised convolution, filters."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxcnn import ops
from tests.marks import mostly_slow
from tests.ops.derivatives import check_derivatives, check_shard_map, quick_jit


def array(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


SMOOTH = {
    "adaptive_avg_pool": lambda x: ops.adaptive_avg_pool(x, (2, 3)),
    "adaptive_max_pool": lambda x: ops.adaptive_max_pool(x, (2, 3)),
    "global_avg_pool": ops.global_avg_pool,
    "global_max_pool": ops.global_max_pool,
    "local_response_norm": lambda x: ops.local_response_norm(x, 2, alpha=0.3),
    "im2col": lambda x: ops.im2col(x, 2, stride=2, padding=1),
    "gradient_magnitude": ops.gradient_magnitude,
    "max_unpool": lambda x: ops.max_unpool(*ops.max_pool_with_indices(x, 2), (4, 5)),
    "pad": lambda x: ops.pad(x, 1, mode="reflect"),
}

COMPOSED = {
    "min_pool": lambda x: ops.min_pool(x, 2),
    "sum_pool": lambda x: ops.sum_pool(x, 2, stride=1),
    "separable_conv": lambda x: ops.separable_conv(
        x, like(x, 3, 3, 1, x.shape[-1]), like(x, 1, 1, x.shape[-1], 3), padding=1
    ),
    "factorized_conv": lambda x: ops.factorized_conv(
        x, [like(x, 3, x.shape[-1], 2), like(x, 3, 2, 2)], padding=1
    ),
    "col2im": lambda x: ops.col2im(ops.im2col(x, 2), (4, 5), 2),
    "filter_images": lambda x: ops.filter_images(x, ops.classic_filter("sobel_x")),
    "dropout": lambda x: ops.dropout(x, 0.4, keys_of(x)),
    "stochastic_depth": lambda x: ops.stochastic_depth(x, 0.4, keys_of(x)),
}
"""Ops made of those whose derivatives are checked anyway: in full with `--slow`."""

EVERY = SMOOTH | COMPOSED
NAMES = mostly_slow(EVERY, SMOOTH.keys() - {"max_unpool", "adaptive_max_pool"})
QUICK = {"adaptive_max_pool", "local_response_norm", "max_unpool"}
KEYED = {"dropout", "stochastic_depth"}  # whose keys are split among the devices, not drawn there
SHARDED = mostly_slow(sorted(EVERY.keys() - KEYED), QUICK)


def like(x, *shape):
    return array(*shape).astype(x.dtype)


def keys_of(x):
    return jax.random.split(jax.random.key(0), x.shape[0])


@pytest.mark.parametrize("name", NAMES)
def test_derivatives(name, x64):
    check_derivatives(EVERY[name], array(1, 4, 5, 1))


@pytest.mark.parametrize("name", SHARDED)
def test_inside_a_users_shard_map(name, x64):
    check_shard_map(EVERY[name], array(8, 4, 5, 2))


@pytest.mark.parametrize("name", EVERY)
def test_bfloat16_stays(name):
    x = jax.ShapeDtypeStruct((2, 4, 5, 3), jnp.bfloat16)
    y, gradient = jax.eval_shape(
        lambda x: (lambda y, pull: (y, pull(y)))(*jax.vjp(EVERY[name], x)), x
    )
    assert (y.dtype, gradient[0].dtype) == (jnp.bfloat16, jnp.bfloat16)


def test_indices_are_where_the_maxima_are():
    x = array(2, 7, 9, 3)
    for options in ({}, {"stride": 2, "padding": 1}, {"stride": 1, "dilation": 2}):
        y, indices = quick_jit(functools.partial(ops.max_pool_with_indices, window=3, **options))(x)
        flat = np.asarray(x).reshape(2, -1, 3)
        seen = np.take_along_axis(flat, np.asarray(indices).reshape(2, -1, 3), axis=1)
        np.testing.assert_array_equal(seen.reshape(y.shape), y)


def test_unpooling_undoes_pooling_at_the_maxima():
    x = array(2, 4, 4, 3)

    @quick_jit
    def run(x):
        y, indices = ops.max_pool_with_indices(x, 2)
        back = ops.max_unpool(y, indices, (4, 4))
        return y, back, ops.max_pool(jnp.abs(back), 2)

    y, back, again = run(x)
    np.testing.assert_array_equal(back, jnp.where(back != 0, x, 0))
    np.testing.assert_array_equal(again, jnp.abs(y))


def test_the_papers_and_pytorchs_scaling_differ_by_the_size():
    x = array(1, 2, 2, 8)
    paper = ops.local_response_norm(x, 5, alpha=1e-2, k=2.0, average=False)
    torch = ops.local_response_norm(x, 5, alpha=5e-2, k=2.0)
    np.testing.assert_allclose(paper, torch, rtol=1e-6)


def test_convolution_is_a_product_of_patches_and_of_one_matrix(x64):
    x, w = array(2, 6, 5, 3), array(3, 2, 3, 4, seed=1)
    options = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}
    y = ops.conv(x, w, **options)
    columns = ops.im2col(x, (3, 2), **options)
    np.testing.assert_allclose(columns @ w.reshape(-1, 4), y, rtol=1e-12, atol=1e-12)
    matrix = ops.conv_matrix(w, (6, 5), **options)
    np.testing.assert_allclose(matrix @ x[0].ravel(), y[0].ravel(), rtol=1e-12, atol=1e-12)


def test_the_transposed_matrix_is_the_transposed_convolution(x64):
    w, y = array(3, 3, 2, 4), array(1, 3, 3, 4, seed=1)
    matrix = ops.conv_matrix(w, 7, stride=2)
    back = ops.conv_transpose(y, w.swapaxes(-1, -2), stride=2)
    np.testing.assert_allclose(matrix.T @ y.ravel(), back.ravel(), rtol=1e-12, atol=1e-12)


def test_col2im_is_the_transpose_of_im2col(x64):
    x, options = array(2, 6, 7, 3), {"window": 3, "stride": 2, "padding": 1}
    columns = quick_jit(lambda x: ops.im2col(x, **options))(x)
    weight = array(*columns.shape, seed=1)
    back = quick_jit(lambda columns: ops.col2im(columns, (6, 7), **options))(weight)
    np.testing.assert_allclose(jnp.vdot(columns, weight), jnp.vdot(x, back), rtol=1e-12)


def test_factorised_equals_the_outer_product(x64):
    column, row, x = array(3, 1, 1), array(5, 1, 1, seed=1), array(2, 8, 9, 1)
    full = (column[:, None, 0] * row[None, :, 0])[..., None]
    for options in ({}, {"stride": 2, "padding": (1, 2)}, {"padding": "SAME"}):
        y = ops.factorized_conv(x, [column, row], **options)
        np.testing.assert_allclose(y, ops.conv(x, full, **options), rtol=1e-10, atol=1e-12)


def test_separable_equals_the_product_of_both_kernels(x64):
    x, depth, point = array(2, 6, 6, 3), array(3, 3, 1, 6, seed=1), array(1, 1, 6, 4, seed=2)
    full = jnp.einsum("hwcm,cmk->hwck", depth.reshape(3, 3, 3, 2), point.reshape(3, 2, 4))
    options = {"stride": 2, "padding": 1}
    y, expected = quick_jit(
        lambda x: (ops.separable_conv(x, depth, point, **options), ops.conv(x, full, **options))
    )(x)
    np.testing.assert_allclose(y, expected, rtol=1e-10)


def test_filters_equal_scipys():
    image = np.random.default_rng(0).normal(size=(9, 8)).astype(np.float32)
    x = jnp.asarray(image)[None, :, :, None]

    def ours(kernel):
        return ops.filter_images(x, kernel)[0, :, :, 0]

    rows = {
        "sobel_x": ndimage.sobel(image, 1, mode="nearest"),
        "sobel_y": ndimage.sobel(image, 0, mode="nearest"),
        "prewitt_x": ndimage.prewitt(image, 1, mode="nearest"),
        "prewitt_y": ndimage.prewitt(image, 0, mode="nearest"),
        "laplacian": ndimage.laplace(image, mode="nearest"),
        "identity": image,
        "sharpen": image - ndimage.laplace(image, mode="nearest"),
    }
    for name, theirs in rows.items():
        np.testing.assert_allclose(ours(ops.classic_filter(name)), theirs, atol=1e-5)
    theirs = ndimage.gaussian_filter(image, 1.0, mode="nearest", radius=3)
    np.testing.assert_allclose(ours(ops.gaussian_filter(7, 1.0)), theirs, atol=1e-6)
    edges = ndimage.generic_gradient_magnitude(image, ndimage.sobel, mode="nearest")
    np.testing.assert_allclose(ops.gradient_magnitude(x)[0, :, :, 0], edges, atol=1e-5)


def test_a_flat_image_has_no_gradient_magnitude():
    gradient = quick_jit(jax.grad(lambda x: ops.gradient_magnitude(x).sum()))(
        jnp.ones((1, 4, 4, 1))
    )
    np.testing.assert_array_equal(gradient, 0)


def test_padding_modes_of_the_documentation():
    x = jnp.arange(1.0, 5).reshape(1, 4, 1)
    rows = {
        "zeros": [0, 0, 1, 2, 3, 4, 0, 0],
        "reflect": [3, 2, 1, 2, 3, 4, 3, 2],
        "replicate": [1, 1, 1, 2, 3, 4, 4, 4],
        "circular": [3, 4, 1, 2, 3, 4, 1, 2],
    }
    for mode, expected in rows.items():
        np.testing.assert_array_equal(ops.pad(x, 2, mode=mode).ravel(), expected)


@pytest.mark.parametrize(
    ("mode", "numpys"),
    [("zeros", "constant"), ("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")],
)
def test_uneven_padding_equals_numpys(mode, numpys):
    x = np.arange(2 * 4 * 5 * 2, dtype=np.float32).reshape(2, 4, 5, 2)
    pairs = ((1, 2), (3, 0))
    expected = np.pad(x, ((0, 0), *pairs, (0, 0)), mode=numpys)
    np.testing.assert_array_equal(ops.pad(jnp.asarray(x), pairs, mode=mode), expected)


@pytest.mark.parametrize("padding", ["SAME", "SAME_LOWER"])
def test_named_padding_is_on_laxs_side(padding):
    x, kernel = array(1, 6, 7, 2), array(3, 3, 2, 2)
    options = {"window_strides": (2, 2), "padding": padding}
    numbers = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}
    expected = jax.lax.conv_general_dilated(x, kernel, **options, **numbers)
    np.testing.assert_allclose(ops.conv(x, kernel, stride=2, padding=padding), expected, atol=1e-5)
