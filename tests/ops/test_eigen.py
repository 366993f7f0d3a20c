"""Convolutions with a row more are the convolution, and XLA does not give them to YNNPACK."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcnn import ops
from jaxcnn.ops.eigen import ROW_BY_ROW, one_row_less, one_row_more, pays
from jaxcnn.ops.native import native
from tests.ops.test_strips import place_of

CASES = {  # sizes, window, padding
    "3x3": ((5, 7), (3, 3), ((1, 1), (1, 1))),
    "even": ((6, 5), (4, 2), ((1, 2), (0, 1))),
    "5x1": ((6, 4), (5, 1), ((2, 2), (0, 0))),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("form", [one_row_more, one_row_less])
def test_it_is_the_convolution(form, case, x64):
    sizes, window, padding = CASES[case]
    place = place_of(sizes, window, (1, 1), padding, (1, 1))
    assert place.output == sizes
    draw = np.random.default_rng(0)
    x, w = (jnp.asarray(draw.normal(size=s)) for s in ((2, *sizes, 3), (*window, 3, 4)))

    def both(form):
        y, pull = jax.vjp(lambda x, w: form(x, w, place, 1, None), x, w)
        return y, pull(jnp.cos(y)), jax.jvp(pull, (y,), (jnp.sin(y),))

    found, expected = jax.jit(lambda: (both(form), both(native)))()
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12 * np.abs(b).max())


NARROW = ((8, 14, 14, 64), (3, 3, 64, 64))
TINY = ((1, 7, 7, 512), (3, 3, 512, 512))


def libraries(shapes, function):
    """Return how many convolutions YNNPACK computes in the program of a function."""
    lowered = jax.jit(function).lower(*(jnp.zeros(shape) for shape in shapes))
    blocks = [
        block
        for block in str(lowered.compile().as_text()).split("\n\n")
        if " convolution(" in block
    ]
    return sum("ENTRY" not in block for block in blocks)


@pytest.mark.parametrize("shapes", [NARROW, TINY])
def test_who_computes_it(shapes):
    def plain(x, w):
        return lax.conv_general_dilated(
            x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    def own(x, w):
        return ops.conv(x, w, padding=1)

    def slope(conv):
        return jax.grad(lambda x, w: conv(x, w).sum())

    assert libraries(shapes, plain) == libraries(shapes, slope(plain)) == 1
    if shapes == TINY or ROW_BY_ROW:
        assert libraries(shapes, own) == libraries(shapes, slope(own)) == 0


@pytest.mark.parametrize(
    ("sizes", "window", "stride", "padding", "dilation"),
    [
        ((14, 14), (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)),
        ((14, 14), (3, 3), (1, 1), ((2, 2), (2, 2)), (2, 2)),
        ((14, 14), (3, 3), (1, 1), ((0, 0), (1, 1)), (1, 1)),
        ((14, 14), (1, 3), (1, 1), ((0, 0), (1, 1)), (1, 1)),
        ((14,), (3,), (1,), ((1, 1),), (1,)),
        ((6, 6, 6), (3, 3, 3), (1, 1, 1), ((1, 1),) * 3, (1, 1, 1)),
    ],
)
def test_others_stay_as_they_are(sizes, window, stride, padding, dilation):
    place = place_of(sizes, window, stride, padding, dilation)
    assert not pays((64, *sizes, 64), (*window, 64, 64), place, 64)
