"""Terms and images: formulas against NumPy, gradients against differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxcnn.synthesis import (
    Along,
    Ball,
    Distance,
    Fourier,
    Looks,
    Margin,
    Match,
    MatchGram,
    Norm,
    Shared,
    TotalVariation,
    gram,
    recolored,
    with_colors_of,
)
from tests.marks import slow

pytestmark = pytest.mark.usefixtures("x64")


def random(seed, *shape):
    return jax.random.uniform(jax.random.key(seed), shape, jnp.result_type(float))


X = (2, 5, 4, 3)


@pytest.mark.parametrize("beta", [slow(1.0), 2.0, slow(3.0)])
def test_total_variation_is_the_lectures(beta):
    x = np.asarray(random(0, *X))
    expected = np.zeros(2)
    for n, i, j, c in np.ndindex(2, 4, 3, 3):
        right, down = (x[n, i, j + 1, c] - x[n, i, j, c], x[n, i + 1, j, c] - x[n, i, j, c])
        expected[n] += (right**2 + down**2) ** (beta / 2)
    term = TotalVariation(0.7, beta)
    np.testing.assert_allclose(term({}, jnp.asarray(x)), 0.7 * expected, rtol=1e-12)
    check_grads(lambda x: term({}, x), (x,), order=1, modes=["rev"])
    flat = jax.grad(lambda x: term({}, x).sum())(jnp.full(X, 0.5))
    np.testing.assert_array_equal(flat, 0)


def test_gram_and_its_gradient_are_those_of_the_paper():
    features, goal = random(0, 2, 3, 4, 5) - 0.5, gram(random(1, 1, 6, 2, 5))
    flat = np.asarray(features).reshape(2, 12, 5)
    expected = np.einsum("nic,nik->nck", flat, flat) / 12
    np.testing.assert_allclose(gram(features), expected, rtol=1e-12)
    term = MatchGram({"a": goal}, 3.0)

    def loss(features):
        return term({"a": features}, None)

    np.testing.assert_allclose(loss(features), 3 * ((expected - goal) ** 2).sum((1, 2)) / 100)
    # Gatys' equation 6, but for the means in place of sums
    slope = 3 * 4 * np.einsum("nck,nik->nic", expected - goal, flat) / 12 / 100
    found = jax.grad(lambda f: loss(f).sum())(features)
    np.testing.assert_allclose(found, slope.reshape(features.shape), rtol=1e-9)


@pytest.mark.parametrize("relative", [False, True])
def test_matches(relative):
    here, there = random(0, 2, 3, 4), random(1, 2, 3, 4)
    term = Match({"a": there, "b": here}, {"a": 2.0, "b": 1.0}, relative)
    half = ((here - there) ** 2).sum((1, 2)) / 2
    expected = 2 * half / ((there**2).sum((1, 2)) / 2 if relative else 1)
    np.testing.assert_allclose(term({"a": here, "b": here}, None), expected, rtol=1e-12)
    along = Along({"a": there}, power=1.0)
    check_grads(lambda f: along({"a": f}, None), (here,), order=1, modes=["rev"])


def test_weights_keep_their_place_whatever_their_order():
    values = {"b": random(0, 1, 3), "a": random(1, 1, 3)}
    term = Match(values, {"b": 1.0, "a": 100.0})
    seen = {"a": jnp.zeros((1, 3)), "b": jnp.zeros((1, 3))}
    expected = 50 * (values["a"] ** 2).sum() + (values["b"] ** 2).sum() / 2
    np.testing.assert_allclose(jax.jit(lambda term: term(seen, None))(term)[0], expected)


def test_a_margin_that_is_reached_has_no_gradient():
    logits = jnp.array([[1.0, 4.0, 2.0], [5.0, 1.0, 0.0]])
    term = Margin(jnp.array([2, 0]), lead=3.0)
    values, slope = jax.vjp(lambda z: term({":output": z}, None), logits)
    np.testing.assert_array_equal(values, [5.0, 0.0])
    np.testing.assert_array_equal(slope(jnp.ones(2))[0], [[0, 1, -1], [0, 0, 0]])


def test_priors_and_distance():
    x, y = random(0, *X), random(1, *X)
    np.testing.assert_allclose(Norm(2.0, 6.0)({}, x), 2 * ((x - 0.5) ** 6).sum((1, 2, 3)))
    term = Distance(y, jnp.array([1.0, 3.0]))
    expected = np.linalg.norm((x - y).reshape(2, -1), axis=1) * [1, 3]
    np.testing.assert_allclose(term({}, x), expected, rtol=1e-12)
    assert not np.any(jax.grad(lambda x: term({}, x).sum())(y))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_ball_holds_the_nearest_points(norm):
    centre, eps = random(0, *X), jnp.array([0.1, 0.3])
    ball = Ball(centre, eps, norm)

    def length(x):
        change = np.abs(np.asarray(x - centre)).reshape(2, -1)
        return change.max(1) if norm == "linf" else np.linalg.norm(change, axis=1)

    for seed in range(3):
        outside = centre + random(seed, *X) * 4 - 2
        inside = ball.project(outside)
        assert (length(inside) <= eps + 1e-12).all()
        assert inside.min() >= 0
        assert inside.max() <= 1
        np.testing.assert_allclose(ball.project(inside), inside, rtol=1e-12)
        assert (length(ball.init(jax.random.key(seed), X)) <= eps + 1e-12).all()


@pytest.mark.parametrize("shape", [slow((1, 8, 6, 3)), (2, 7, 5, 3), slow((1, 6, 9, 1))])
def test_spectra_give_their_images_back(shape):
    x = 0.1 + 0.8 * random(0, *shape)
    for decay in (0.0, 1.0):
        fourier = Fourier(decay)
        np.testing.assert_allclose(fourier.image(fourier.of(x)), x, rtol=1e-9)


def test_the_colours_of_spectra_are_those_of_photographs():
    x = jax.scipy.special.logit(
        Fourier().image(Fourier(noise=1.0).init(jax.random.key(0), (4, 16, 16, 3)))
    )
    correlation = np.corrcoef(np.asarray(x).reshape(-1, 3).T)
    assert (correlation > 0.7).all()


def test_one_change_is_shared():
    shared = Shared(random(0, *X), 0.2)
    change = shared.project(random(1, 1, *X[1:]) - 0.5)
    assert np.abs(change).max() == 0.2
    np.testing.assert_allclose(shared.image(change), np.clip(shared.centre + change, 0, 1))


@pytest.mark.slow
def test_looks():
    x = random(0, *X)
    turned = Looks(jitter=1)(jax.random.key(3), x)
    shifts = [np.roll(x, (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert sum((turned == shift).all() for shift in shifts) == 1
    np.testing.assert_array_equal(Looks()(jax.random.key(0), x), x)
    seen = Looks(scale=0.5, rotate=30.0)(jax.random.key(0), x)
    assert not np.allclose(seen, x)
    alone = Looks(scale=0.5, rotate=30.0)(jax.random.key(0), x[1:])
    np.testing.assert_allclose(seen[1:], alone)


@pytest.mark.slow
def test_colours_are_kept():
    style, content = random(0, 1, 9, 8, 3), random(1, 1, 6, 7, 3) * 0.5 + 0.25
    found = recolored(0.4 + 0.2 * style, content)
    for statistic in (lambda x: x.mean(0), lambda x: np.cov(x.T, bias=True)):
        mine, theirs = (statistic(np.asarray(x).reshape(-1, 3)) for x in (found, content))
        np.testing.assert_allclose(mine, theirs, atol=4e-3)
    grey = jnp.repeat(random(2, 1, 6, 7, 1), 3, 3) * 0.2 + 0.4
    light = np.asarray(with_colors_of(grey, 0.45 + 0.1 * content)) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(light, grey[..., 0], atol=2e-3)
