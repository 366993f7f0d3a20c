"""Convolutions in the layout that compiled loops compute fast: the same values, another jaxpr."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcnn.ops.canonical import canonical
from tests.marks import mostly_slow

CASES = {
    "plain": ((2, 7, 6, 3), (3, 3, 3, 4), {}),
    "strided": ((2, 7, 6, 3), (3, 2, 3, 4), {"stride": 2}),
    "dilated": ((1, 9, 8, 2), (3, 3, 2, 4), {"rhs_dilation": (2, 1)}),
    "grouped": ((1, 6, 6, 4), (3, 3, 2, 6), {"feature_group_count": 2}),
    "line": ((2, 9, 3), (3, 3, 4), {}),
    "volume": ((1, 4, 5, 4, 2), (2, 2, 2, 2, 3), {}),
}


def convolution(stride=1, **options):
    def apply(x, kernel):
        letters = "DHW"[5 - x.ndim :]
        numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
        strides = (stride,) * (x.ndim - 2)
        return lax.conv_general_dilated(
            x, kernel, strides, "SAME", dimension_numbers=numbers, **options
        )

    return apply


def layouts(function, *args):
    """Return the dimension numbers of all convolutions of a function."""
    found = []

    def walk(jaxpr):
        for eqn in jaxpr.eqns:
            if eqn.primitive.name == "conv_general_dilated":
                found.append(eqn.params["dimension_numbers"])
            for value in jax.tree.leaves(eqn.params, is_leaf=lambda v: hasattr(v, "eqns")):
                inner = getattr(value, "jaxpr", value)
                if hasattr(inner, "eqns"):
                    walk(inner)

    walk(jax.make_jaxpr(function)(*args).jaxpr)
    return found


@pytest.mark.parametrize("case", mostly_slow(CASES, ("plain", "grouped")))
def test_gradients_are_the_same_and_in_one_layout(case, x64):
    shape, window, options = CASES[case]
    x, kernel = (jax.random.normal(jax.random.key(i), s) for i, s in enumerate((shape, window)))
    apply = convolution(**options)
    gradient = jax.grad(lambda x, kernel: jnp.sum(apply(x, kernel) ** 2), (0, 1))
    changed = canonical(gradient)
    for expected, found in zip(gradient(x, kernel), changed(x, kernel), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    rank = len(shape) - 2
    space = tuple(range(1, rank + 1))
    usual = ((0, rank + 1, *space), (rank + 1, rank, *range(rank)), (0, rank + 1, *space))
    assert {tuple(map(tuple, found)) for found in layouts(changed, x, kernel)} == {usual}
    assert len({tuple(map(tuple, found)) for found in layouts(gradient, x, kernel)}) > 1


def test_control_flow_is_followed(x64):
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 2, 2))
    apply = convolution()

    def step(x):
        return x - 0.01 * jax.grad(lambda x: jnp.sum(jax.checkpoint(apply)(x, kernel) ** 2))(x)

    def function(x):
        x, ys = lax.scan(lambda x, _: (step(x), x.sum()), x, length=2)
        x = lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, step(c[1])), (0, x))[1]
        return lax.cond(x.sum() > 1e9, lambda x: x, jax.jit(step), x), ys

    x = jax.random.normal(jax.random.key(0), (1, 5, 4, 2))
    for expected, found in zip(function(x), canonical(function)(x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert len({tuple(map(tuple, n)) for n in layouts(canonical(function), x)}) == 1
