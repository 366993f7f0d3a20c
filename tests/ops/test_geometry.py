import itertools

import jax
import jax.numpy as jnp
import pytest

from jaxcnn import ops
from tests.ops.derivatives import quick_jit


def test_the_lectures_examples():
    assert ops.conv_output_size(7, 3) == 5
    assert ops.conv_output_size(7, 3, stride=2) == 3
    assert ops.conv_output_size(32, 5) == 28
    assert ops.conv_output_size(32, 5, padding=2) == 32
    assert ops.conv_params(3, 10, 5) == 760
    assert ops.conv_transpose_output_size(2, 3, stride=2) == 5


def test_seven_by_seven_with_three_and_stride_three_does_not_fit():
    assert ops.conv_output_size(7, 3, stride=3) == 2
    with pytest.raises(ValueError, match="4 / 3 is not whole"):
        ops.conv_output_size(7, 3, stride=3, exact=True)


def test_two_sevens_see_thirteen_and_three_threes_see_seven():
    assert ops.receptive_field([ops.Sliding(7)] * 2).size == 13
    assert ops.receptive_field([ops.Sliding(3)] * 3).size == 7
    assert ops.receptive_field([]).size == 1


@pytest.mark.parametrize("rows", list(itertools.product((1, 2, 3), (1, 2), (0, 1), (1, 2))))
def test_sizes_are_those_of_the_operations(rows):
    window, stride, padding, dilation = rows
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    x = jnp.ones((1, 6, 1))
    shapes = jax.eval_shape(
        lambda x, w: (
            ops.conv(x, w, **options),
            ops.conv_transpose(x, w, **options),
            ops.max_pool(x, window, stride=stride, dilation=dilation, ceil_mode=True),
        ),
        *(x, jnp.ones((window, 1, 1))),
    )
    sizes = [shape.shape[1] for shape in shapes]
    assert sizes == [
        ops.conv_output_size(6, window, **options),
        ops.conv_transpose_output_size(6, window, **options),
        ops.pool_output_size(6, window, stride=stride, dilation=dilation, ceil_mode=True),
    ]


def test_receptive_fields_are_where_gradients_are():
    stack = [ops.Sliding(3, 2, 1), ops.Sliding(2, 2), ops.Sliding(3, 1, 1, 2)]

    def net(x):
        for layer in stack:
            w = jnp.ones((layer.window, 1, 1))
            x = ops.conv(x, w, stride=layer.stride, padding=layer.padding, dilation=layer.dilation)
        return x.ravel()

    gradients = quick_jit(jax.jacobian(net))(jnp.ones((1, 64, 1)))[:, 0, :, 0]
    field = ops.receptive_field(stack)
    for output in (4, 5):  # away from the borders
        seen = jnp.flatnonzero(gradients[output])
        start = field.start + output * field.stride
        assert (seen[0], seen[-1]) == (start, start + field.size - 1)
        assert field.offset == field.start + (field.size - 1) / 2
