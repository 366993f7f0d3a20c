"""A convolution by phases is the convolution of an input with zeros between its elements."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcnn.ops.fractional import Zeros, among_zeros, fractional
from jaxcnn.ops.native import NUMBERS

# sizes, kernel, stride, margins, groups
CASES = [
    ((5,), (4, 2, 3), (2,), ((3, 3),), 1),
    ((5,), (3, 2, 3), (2,), ((2, 2),), 1),
    ((5,), (3, 2, 3), (2,), ((1, 2),), 1),
    ((5,), (1, 2, 3), (3,), ((0, 2),), 1),  # most outputs see nothing
    ((4,), (2, 2, 3), (3,), ((1, 3),), 1),
    ((6,), (5, 2, 3), (3,), ((-2, -1),), 1),  # elements are cut off
    ((6,), (2, 2, 3), (2,), ((-3, 1),), 1),
    ((3,), (7, 2, 3), (2,), ((9, 8),), 1),  # windows of nothing but margins
    ((1,), (3, 2, 3), (2,), ((2, 2),), 1),
    ((5,), (4, 2, 6), (2,), ((3, 3),), 2),
    ((5,), (4, 1, 6), (2,), ((3, 3),), 2),  # depthwise, with three outputs for a channel
    ((5,), (3, 1, 2), (2,), ((2, 1),), 2),
    ((2,), (70, 1, 2), (8,), ((69, 65),), 2),  # by phases throughout
    ((4, 3), (2, 3, 2, 3), (2, 3), ((1, 1), (2, 3)), 1),  # windows do not overlap: a product
    ((4, 1), (4, 1, 2, 3), (2, 2), ((3, 3), (-1, 1)), 1),  # nothing is left of an axis
    ((3, 4), (4, 3, 2, 3), (2, 1), ((3, 2), (1, 1)), 1),
    ((4, 3), (3, 4, 1, 4), (1, 3), ((2, 1), (3, 0)), 2),
    ((2, 3, 2), (3, 2, 1, 2, 3), (2, 2, 3), ((2, 2), (1, 1), (0, 2)), 1),
]


@pytest.mark.parametrize(("sizes", "kernel", "stride", "margins", "groups"), CASES)
def test_phases_are_a_dilated_convolution(sizes, kernel, stride, margins, groups, x64):
    rng, rank = np.random.default_rng(0), len(sizes)
    x, w = (rng.normal(size=shape) for shape in ((2, *sizes, kernel[-2] * groups), kernel))

    def own(x, w):
        return fractional(x, w, stride, margins, (1,) * rank, groups)

    def on_accelerators(x, w):
        return among_zeros(x, w, Zeros(stride, margins), groups, None)

    def dilated(x, w):
        return lax.conv_general_dilated(
            x,
            w,
            (1,) * rank,
            margins,
            lhs_dilation=stride,
            dimension_numbers=NUMBERS[rank],
            feature_group_count=groups,
        )

    def both(f):
        y, pull = jax.vjp(f, x, w)
        return y, pull(jnp.cos(y)), jax.jvp(f, (x, w), (jnp.sin(x), jnp.sin(w)))[1]

    functions = (own, on_accelerators, dilated)
    *found, expected = jax.jit(lambda: [jax.tree.leaves(both(f)) for f in functions])()
    for values in found:
        for a, b in zip(values, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(np.abs(b).max(), 1))
