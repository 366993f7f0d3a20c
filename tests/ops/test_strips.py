"""A convolution in strips is the convolution, and so are its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.ops import strips as module
from jaxcnn.ops.native import native
from jaxcnn.ops.strips import strips
from jaxcnn.ops.window import Window
from tests.marks import mostly_slow

original = module.size_of_strips
CASES = {  # shape, window, channels out, stride, padding, dilation, bytes of a strip
    "rows of an image": ((2, 12, 5, 3), (3, 3), 4, (1, 1), ((1, 1), (1, 1)), (1, 1), 500),
    "whole images": ((4, 6, 5, 3), (3, 3), 4, (1, 1), ((1, 1), (1, 1)), (1, 1), 2000),
    "a row a strip": ((1, 6, 3, 2), (3, 3), 4, (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "large windows": ((1, 20, 5, 2), (5, 5), 4, (1, 1), ((2, 2), (2, 2)), (1, 1), 1),
    "strides": ((2, 24, 8, 3), (7, 7), 4, (2, 2), ((3, 3), (3, 3)), (1, 1), 900),
    "strides beyond the window": ((1, 24, 8, 3), (2, 2), 4, (3, 3), ((0, 0), (0, 0)), (1, 1), 900),
    "no padding": ((1, 13, 6, 3), (3, 3), 4, (1, 1), ((0, 0), (0, 0)), (1, 1), 800),
    "rows left over": ((1, 19, 6, 3), (3, 3), 4, (2, 1), ((1, 0), (1, 1)), (1, 1), 800),
    "padding on one side": ((1, 12, 6, 3), (3, 3), 4, (1, 1), ((2, 0), (0, 2)), (1, 1), 800),
    "much padding": ((1, 8, 6, 3), (3, 3), 4, (1, 1), ((4, 3), (1, 1)), (1, 1), 800),
    "dilation": ((1, 16, 9, 3), (3, 3), 4, (1, 1), ((2, 2), (2, 2)), (2, 2), 1200),
    "a column": ((1, 14, 5, 3), (7, 1), 4, (1, 1), ((3, 3), (0, 0)), (1, 1), 1),
    "many channels": ((1, 10, 4, 520), (3, 3), 2, (1, 1), ((1, 1), (1, 1)), (1, 1), 1 << 15),
    "some channels": ((1, 10, 4, 40), (3, 3), 2, (1, 1), ((1, 1), (1, 1)), (1, 1), 1 << 11),
    "one axis": ((2, 40, 3), (3,), 4, (1,), ((1, 1),), (1,), 200),
    "three axes": ((1, 9, 4, 5, 2), (3, 1, 3), 3, (1, 1, 2), ((1, 1),) * 3, (1, 1, 1), 900),
}  # fmt: skip


def place_of(sizes, window, stride, padding, dilation):
    spans = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    rows = zip(sizes, padding, spans, stride, strict=True)
    output = tuple((n + lo + hi - span) // s + 1 for n, (lo, hi), span, s in rows)
    return Window(sizes, window, stride, padding, dilation, output, (0,) * len(sizes))


QUICK = ("rows of an image", "rows left over", "dilation", "one axis")


@pytest.mark.parametrize("name", mostly_slow(CASES, QUICK))
def test_strips_are_the_convolution_and_so_are_their_derivatives(name, monkeypatch, x64):
    shape, window, features, *geometry, size = CASES[name]
    monkeypatch.setattr(module, "STRIP", size)  # and not more where the kernel is larger
    monkeypatch.setattr(module, "size_of_strips", lambda x, place, _: original(x, place))
    place = place_of(shape[1:-1], window, *geometry)
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=shape), rng.normal(size=(*window, shape[-1], features))

    def derivatives(form):
        def f(x, kernel):
            return form(x, kernel, place, 1, None)

        def gradient(x, kernel):
            return jax.grad(lambda x, k: jnp.sin(f(x, k)).sum(), argnums=(0, 1))(x, kernel)

        y, tangent = jax.jvp(f, (x, kernel), (jnp.cos(x), jnp.cos(kernel)))
        reverse = jax.grad(lambda x, k: sum((g**2).sum() for g in gradient(x, k)))(x, kernel)
        return y, tangent, gradient(x, kernel), reverse, jax.vmap(f)(x[None], kernel[None])

    found, expected = jax.jit(lambda: (derivatives(strips), derivatives(native)))()
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize("shape", [(8, 56, 56, 64), (4, 224, 224, 64), (3, 149, 149, 32)])
def test_strips_fit_a_cache(shape):
    place = place_of(shape[1:3], (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
    images, rows = module.size_of_strips(jnp.zeros(shape), place)
    strip = images * rows * shape[2] * shape[3] * 4
    assert module.STRIP / 3 < strip <= module.STRIP
    assert shape[0] % images == 0


def test_kernel_gradients_keep_the_input_and_no_taps():
    place = place_of((64, 64), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
    x, kernel = jnp.ones((4, 64, 64, 64)), jnp.ones((3, 3, 64, 64))
    _, pull = jax.vjp(lambda kernel: strips(x, kernel, place, 1, None), kernel)
    kept = sum(leaf.nbytes for leaf in jax.tree.leaves(pull))
    assert kept < 1.5 * x.nbytes


def test_gradients_of_half_precision_are_summed_in_single():
    place = place_of((64, 64), (3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1))
    x, kernel = jnp.ones((8, 64, 64, 32), jnp.bfloat16), jnp.ones((3, 3, 32, 4), jnp.bfloat16)
    pull = jax.vjp(lambda kernel: strips(x, kernel, place, 1, None), kernel)[1]
    (gradient,) = pull(jnp.ones((8, 62, 62, 4), jnp.bfloat16))
    assert gradient.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float32(gradient), 8 * 62 * 62, rtol=4e-3)
