import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import ops
from tests.ops.derivatives import check_derivatives, check_shard_map


def arrays(*shapes):
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.normal(size=shape)) for shape in shapes]


def test_the_lectures_example_with_stride_two():
    x = jnp.array([[1.0, 2], [3, 4]])[None, :, :, None]
    y = ops.conv_transpose(x, jnp.ones((3, 3, 1, 1)), stride=2)[0, :, :, 0]
    expected = [
        [1, 1, 3, 2, 2],
        [1, 1, 3, 2, 2],
        [4, 4, 10, 6, 6],
        [3, 3, 7, 4, 4],
        [3, 3, 7, 4, 4],
    ]
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_it_is_the_transpose_of_the_convolution(stride, x64):
    """<conv(x), y> = <x, conv_transpose(y)> for the same kernel, seen as (window, K, C)."""
    x, w = arrays((2, 7, 7, 3), (3, 3, 3, 4))
    z = ops.conv(x, w, stride=stride, padding=1)
    (y,) = arrays(z.shape)
    back = ops.conv_transpose(
        y, w.swapaxes(-1, -2), stride=stride, padding=1, output_padding=(7 - 1) % stride
    )
    np.testing.assert_allclose(jnp.vdot(z, y), jnp.vdot(x, back), rtol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        ((2, 2, 3, 2), {"stride": 2}),
        ((2, 2, 3, 2), {"stride": 2, "padding": 1, "output_padding": (1, 0)}),
        ((4, 3, 3, 2), {"stride": 2, "padding": 1}),  # filters overlap
        ((3, 3, 3, 1), {"stride": 2, "groups": 3}),
    ],
)
def test_derivatives(kernel, options, x64):
    x, w = arrays((2, 2, 3, 3), kernel)
    check_derivatives(lambda x, w: ops.conv_transpose(x, w, **options), x, w)
    (x,) = arrays((8, 2, 3, 3))
    check_shard_map(lambda x, w: ops.conv_transpose(x, w, **options), x, w)


@pytest.mark.parametrize("window", [2, 3])
def test_nothing_is_dilated_by_xla(window):
    def loss(x, w):
        return (ops.conv_transpose(x, w, stride=2) ** 2).sum()

    x, w = jnp.ones((2, 4, 4, 3)), jnp.ones((window, window, 3, 2))
    for platform in ("cpu", "cuda"):
        traced = jax.jit(jax.grad(loss, argnums=(0, 1))).trace(x, w)
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert "lhs_dilate = [2" not in text
        assert "rhs_dilate = [2" not in text
        product = platform == "cpu" and window == 2  # each output lies in one window
        assert product == ("stablehlo.convolution" not in text)


def test_bfloat16_stays():
    x, w = (a.astype(jnp.bfloat16) for a in arrays((2, 3, 3, 2), (2, 2, 2, 4)))
    assert ops.conv_transpose(x, w, stride=2).dtype == jnp.bfloat16
    assert ops.conv_transpose(x, w, stride=1).dtype == jnp.bfloat16
