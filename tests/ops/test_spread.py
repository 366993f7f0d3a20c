"""The transpose of taps, made of slices without gaps."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import ops
from jaxcnn.ops.spread import spread, transposed
from jaxcnn.ops.taps import taps
from tests.ops.test_strips import place_of

CASES = {  # sizes, window, stride, padding, dilation
    "3x3": ((5, 7), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)),
    "3x3/2": ((7, 6), (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)),
    "2x2/2 and rows left over": ((5, 4), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    "strides beyond the window": ((9, 8), (2, 1), (4, 3), ((0, 0), (0, 0)), (1, 1)),
    "dilation": ((9, 9), (3, 2), (2, 1), ((2, 2), (0, 1)), (2, 3)),
    "much padding": ((3, 4), (4, 4), (1, 3), ((3, 3), (2, 3)), (1, 1)),
    "one axis": ((8,), (5,), (3,), ((2, 1),), (1,)),
    "three axes": ((3, 4, 5), (2, 3, 1), (1, 2, 2), ((1, 0), (1, 1), (0, 0)), (1, 1, 1)),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_transpose_of_taps(case, x64):
    place = place_of(*CASES[case])
    draw = np.random.default_rng(0)
    weights = draw.normal(size=np.prod(place.window))
    x, ct = (jnp.asarray(draw.normal(size=(2, *s, 3))) for s in (place.sizes, place.output))

    def forward(x):
        return sum(w * tap for w, tap in zip(weights, taps(x, place), strict=True))

    def back(ct):
        return spread(lambda number, piece: weights[number] * piece, (ct,), place)

    @functools.partial(jax.jit, static_argnums=0)
    def both(function):
        y, pull = jax.vjp(function, x)
        return y, pull(ct)[0]

    y, gradient = both(forward)
    again, found = both(lambda x: transposed(back, ct, x))
    np.testing.assert_allclose(again, y, atol=1e-12)
    np.testing.assert_allclose(found, gradient, atol=1e-12)
    np.testing.assert_allclose(jax.jit(back)(ct), gradient, atol=1e-12)


GRADIENTS = {
    "max pooling": lambda x: ops.max_pool(x, 3, stride=2, padding=1),
    "mean pooling": lambda x: ops.avg_pool(x, 3, stride=2, padding=1),
    "depthwise": lambda x: ops.conv(x, jnp.ones((3, 3, 1, 3), x.dtype), stride=2, groups=3),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_have_no_gaps(name):
    x = jnp.ones((2, 9, 9, 3), jnp.bfloat16)
    program = jax.jit(jax.grad(lambda x: GRADIENTS[name](x).astype(jnp.float32).sum()))
    text = str(program.lower(x).compile().as_text())
    pads = re.findall(r" padding=(\S+)", text)  # low_high[_gap]x...
    assert pads
    assert not [pad for pad in pads if re.search(r"\d_-?\d+_[1-9]", pad)]
