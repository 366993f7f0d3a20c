import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcnn import ops
from tests.marks import slow
from tests.ops import reference
from tests.ops.derivatives import check_derivatives, check_shard_map, close, quick_jit

# input, kernel, options
CASES = [
    ((2, 7, 3), (3, 3, 4), {}),
    ((2, 9, 4), (3, 2, 6), {"groups": 2, "stride": 2, "padding": 1}),
    ((2, 6, 7, 3), (3, 3, 3, 4), {"padding": 1}),
    ((2, 6, 7, 3), (1, 1, 3, 4), {}),
    ((2, 6, 7, 3), (1, 1, 3, 4), {"stride": 2}),
    ((2, 8, 8, 3), (1, 1, 3, 4), {"stride": 2, "padding": 1}),
    ((2, 6, 7, 3), (3, 2, 3, 4), {"stride": (2, 1), "padding": [(0, 2), 1], "dilation": (1, 2)}),
    ((2, 8, 8, 4), (3, 3, 2, 6), {"groups": 2, "padding": 1, "dilation": 2}),
    ((2, 8, 9, 4), (3, 3, 1, 4), {"groups": 4, "padding": 1}),
    ((2, 8, 9, 4), (3, 3, 1, 8), {"groups": 4, "padding": 1, "stride": 2}),
    ((2, 8, 9, 4), (3, 3, 1, 4), {"groups": 4, "padding": 2, "dilation": 2, "stride": (1, 2)}),
    ((1, 5, 6, 32), (3, 2, 32, 32), {"stride": 2, "padding": 1}),
    ((1, 5, 6, 18), (3, 2, 1, 18), {"groups": 18, "stride": 2, "padding": 1}),
    ((1, 5, 6, 36), (3, 2, 2, 18), {"groups": 18, "stride": 2, "padding": 1}),
    ((2, 6, 7, 3), (3, 3, 3, 4), {"padding": (2, 1), "padding_mode": "reflect"}),
    ((2, 6, 7, 3), (3, 3, 3, 4), {"padding": (2, 1), "padding_mode": "replicate"}),
    ((2, 6, 7, 3), (3, 3, 3, 4), {"padding": (2, 1), "padding_mode": "circular"}),
    ((1, 4, 5, 6, 2), (3, 2, 1, 2, 3), {"padding": 1, "stride": (1, 2, 3)}),
    ((1, 4, 5, 6, 2), (2, 2, 2, 1, 2), {"groups": 2, "padding_mode": "circular", "padding": 1}),
]


def arrays(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in shapes]


def test_equals_a_loop(x64):
    rows = [arrays(shape, kernel, kernel[-1:]) for shape, kernel, _ in CASES]
    run = quick_jit(
        lambda rows: [ops.conv(*row, **case[2]) for row, case in zip(rows, CASES, strict=True)]
    )
    for y, row, (*_, options) in zip(run(rows), rows, CASES, strict=True):
        exact = reference.conv(*row, **options)
        np.testing.assert_allclose(y, exact, rtol=1e-12, atol=1e-12, err_msg=str(options))


# One case for each way of computing: native, pointwise, depthwise, grouped, taps as dots.
DERIVATIVES = [
    ((2, 4, 3), (2, 3, 2), {"padding": 1, "padding_mode": "circular"}),
    ((2, 4, 4, 3), (1, 1, 3, 2), {"stride": 2}),
    ((2, 4, 4, 2), (2, 1, 1, 4), {"groups": 2, "stride": (1, 2), "padding": 1}),
    ((2, 4, 4), (2, 2, 2), {"groups": 2, "dilation": 2}),
    ((1, 3, 32), (2, 32, 32), {"stride": 2, "padding": 1}),
]


@pytest.mark.parametrize(("shape", "kernel", "options"), DERIVATIVES)
def test_derivatives(shape, kernel, options, x64):
    x, w = map(jnp.asarray, arrays(shape, kernel))
    check_derivatives(lambda x, w: ops.conv(x, w, **options), x, w)


@pytest.mark.parametrize("index", [4, 7, 8])
def test_inside_a_users_shard_map(index, x64):
    shape, kernel, options = CASES[index]
    x, w = map(jnp.asarray, arrays((8, *shape[1:]), kernel))
    check_shard_map(lambda x, w: ops.conv(x, w, **options), x, w)


@pytest.mark.parametrize("index", [2, 3, 8])
def test_bfloat16_stays(index):
    shape, kernel, options = CASES[index]
    x, w = (jnp.asarray(a, jnp.bfloat16) for a in arrays(shape, kernel))
    y, pull = quick_jit(lambda x, w: jax.vjp(lambda x, w: ops.conv(x, w, **options), x, w))(x, w)
    assert {y.dtype, *(g.dtype for g in quick_jit(pull)(y))} == {jnp.dtype(jnp.bfloat16)}
    exact = reference.conv(*(np.asarray(a, np.float64) for a in (x, w)), **options)
    np.testing.assert_allclose(np.asarray(y, np.float64), exact, rtol=0.02, atol=0.1)


def test_named_padding_is_xlas():
    x, w = (jnp.asarray(a, jnp.float32) for a in arrays((2, 7, 8, 3), (4, 3, 3, 2)))
    for name in ("SAME", "VALID", "SAME_LOWER"):
        native = jax.lax.conv_general_dilated(
            x, w, (2, 2), name, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        close(ops.conv(x, w, stride=2, padding=name), native, 1e-5)


def test_the_lectures_three_by_three_filter_on_five_by_five():
    x = jnp.arange(25.0).reshape(1, 5, 5, 1)
    w = jnp.array([[1.0, 0, -1], [1, 0, -1], [1, 0, -1]])[:, :, None, None]
    y = ops.conv(x, w)[0, :, :, 0]
    np.testing.assert_array_equal(y, np.full((3, 3), -6.0))


def test_a_filter_is_not_flipped():
    x = jnp.arange(4.0).reshape(1, 4, 1)
    w = jnp.array([0.0, 0, 1]).reshape(3, 1, 1)
    np.testing.assert_array_equal(ops.conv(x, w).ravel(), [2, 3])


def lowered(platform, shape, kernel, **options):
    def loss(x, w):
        return (ops.conv(x, w, **options) ** 2).sum()

    shapes = [jax.ShapeDtypeStruct(s, jnp.float32) for s in (shape, kernel)]
    traced = jax.jit(jax.grad(loss, argnums=(0, 1))).trace(*shapes)
    return traced.lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((2, 8, 8, 4), (1, 1, 4, 8), {}),
        ((2, 8, 8, 4), (3, 3, 1, 4), {"groups": 4}),
        ((2, 8, 8, 8), (3, 3, 2, 8), {"groups": 4}),
    ],
)
def test_cpu_forms_are_for_cpus_only(shape, kernel, options):
    groups = options.get("groups", 1)
    own, others = (lowered(name, shape, kernel, **options) for name in ("cpu", "cuda"))
    mark = f"feature_group_count = {groups} "
    assert others.count("stablehlo.convolution") == 3
    assert mark in others
    assert own.count("stablehlo.convolution") == (12 if groups == 4 and kernel[2] == 2 else 0)
    assert groups == 1 or mark not in own


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "convolutions"),
    [
        ((1, 2, 3, 64), (3, 3, 64, 64), 1, 0),  # smaller than the window: products throughout
        ((1, 3, 3, 512), (3, 3, 512, 512), 1, 1),  # the value alone is native
        ((1, 4, 5, 256), (3, 3, 256, 256), 2, 1),
        ((1, 17, 17, 512), (3, 3, 512, 512), 1, 2),  # the gradient of the kernel never is
        ((1, 4, 4, 128), (3, 3, 128, 128), 2, 2),
        ((1, 4, 4, 16), (3, 3, 16, 16), 2, 2),
        ((1, 20, 20, 3), (3, 3, 3, 16), 1, 2),
        ((1, 20, 20, 3), (9, 9, 3, 8), 1, 3),  # but where the window is large
    ],
)
def test_gradients_are_products_where_that_is_faster(shape, kernel, stride, convolutions):
    text = lowered("cpu", shape, kernel, stride=stride, padding=1)
    assert text.count("stablehlo.convolution") == convolutions
    assert (
        lowered("cuda", shape, kernel, stride=stride, padding=1).count("stablehlo.convolution") == 3
    )


@pytest.mark.parametrize(
    ("channels", "window", "features", "groups"),
    [
        *((16, 1, 16, 1), (3, 3, 16, 1), (16, 3, 16, 1), (512, 3, 512, 1), (64, 9, 64, 1)),
        *((16, 3, 16, 16), (16, 3, 16, 4)),
    ],
)
def test_an_empty_batch_has_gradients_of_zero(channels, window, features, groups):
    x, up = jnp.ones((0, 8, 8, channels)), jnp.ones((window, window, channels, features // groups))
    kernel = jnp.ones((window, window, channels // groups, features))

    def loss(x, kernel, up):
        y = ops.conv(x, kernel, padding=window // 2, groups=groups)
        return y.sum() + ops.conv_transpose(x, up, stride=2, groups=groups).sum()

    found = jax.grad(loss, (0, 1, 2))(x, kernel, up)
    for gradient, value in zip(found, (x, kernel, up), strict=True):
        assert gradient.shape == value.shape
        assert not gradient.any()


def test_kernel_gradients_keep_the_input_and_not_its_taps():
    x, kernel = jnp.ones((4, 20, 20, 3)), jnp.ones((3, 3, 3, 16))

    def pull(x, kernel):
        return jax.vjp(lambda kernel: ops.conv(x, kernel, padding=1), kernel)[1]

    kept = sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(pull, x, kernel)))
    assert x.size <= kept <= 2 * x.size + 2 * kernel.size


@pytest.mark.parametrize("features", [16, 6])
def test_kernel_gradients_of_first_layers_run_through_no_loop(features):
    text = lowered("cpu", (4, 20, 20, 3), (3, 3, 3, features), padding=1)
    assert ("stablehlo.while" in text) == (features == 6)  # strips, where products are thin twice


def test_kernel_gradients_of_maps_smaller_than_the_window_are_strips():
    text = lowered("cpu", (1, 2, 3, 64), (3, 3, 64, 64), padding=1)
    assert "stablehlo.while" in text


@pytest.mark.parametrize(("size", "channels", "stride"), [(2, 64, 1), slow(3, 512, 1), (4, 256, 2)])
def test_gradients_of_products_are_those_of_convolutions(size, channels, stride, getkey):
    x = jax.random.normal(getkey(), (1, size, 3, channels))
    w = jax.random.normal(getkey(), (3, 3, channels, channels)) / channels

    def own(x, w):
        return ops.conv(x, w, stride=stride, padding=1)

    def native(x, w):
        pads, numbers = ((1, 1), (1, 1)), ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, w, (stride, stride), pads, dimension_numbers=numbers)

    def both(f):
        y, pull = jax.vjp(f, x, w)
        return pull(jnp.cos(y)), jax.jvp(f, (x, w), (jnp.sin(x), jnp.sin(w)))

    found, expected = jax.jit(lambda: (both(own), both(native)))()
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


def test_gradients_that_nobody_asks_for_are_not_computed():
    x, w = jnp.ones((1, 8, 8, 4)), jnp.ones((3, 3, 1, 4))
    f = jax.grad(lambda w: ops.conv(x, w, groups=4).sum())
    text = jax.jit(f).trace(w).lower(lowering_platforms=("cuda",)).as_text()
    assert text.count("stablehlo.convolution") == 1  # the value is not needed either
