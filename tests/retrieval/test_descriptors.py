"""Descriptors against NumPy transcriptions of the papers' formulas, in double precision."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import retrieval
from jaxcnn.retrieval import (
    Projection,
    compact,
    crow,
    describe,
    fit_projection,
    gem,
    mac,
    neural_code,
    region_grid,
    rmac,
    spoc,
)
from jaxcnn.taps import features

DRAW = np.random.default_rng(0)


def maps(height=5, width=7, channels=4):
    return np.maximum(DRAW.normal(size=(2, height, width, channels)), 0)


def spoc_paper(f):
    """Babenko & Lempitsky 2015, equations 4 to 6, one position after the other."""
    height, width, channels = f.shape
    sigma, total = min(height / 2, width / 2) / 3, np.zeros(channels)
    for y in range(height):
        for x in range(width):
            distance = (y + 0.5 - height / 2) ** 2 + (x + 0.5 - width / 2) ** 2
            total += math.exp(-distance / (2 * sigma**2)) * f[y, x]
    return total


def crow_paper(f, a=2, b=2):
    """Kalantidis et al. 2016, equations 3 to 8."""
    height, width, channels = f.shape
    S = f.sum(-1)
    alpha = (S / (S**a).sum() ** (1 / a)) ** (1 / b)
    Q = np.array([np.count_nonzero(f[..., k]) / (width * height) for k in range(channels)])
    beta = np.log((channels * 1e-6 + Q.sum()) / (1e-6 + Q))
    return beta * (alpha[..., None] * f).sum((0, 1))


PAPERS = [
    (spoc, spoc_paper),
    (functools.partial(spoc, centre=False), lambda f: f.sum((0, 1))),
    (mac, lambda f: f.max((0, 1))),
    (gem, lambda f: (np.maximum(f, 1e-6) ** 3).mean((0, 1)) ** (1 / 3)),
    (functools.partial(gem, p=1.0), lambda f: np.maximum(f, 1e-6).mean((0, 1))),
    (crow, crow_paper),
    (functools.partial(crow, a=1.0, b=3.0), functools.partial(crow_paper, a=1, b=3)),
    (neural_code, np.ravel),
]


@pytest.mark.parametrize(("ours", "paper"), PAPERS)
@pytest.mark.parametrize("shape", [(5, 7), (6, 6), (1, 1)])
def test_poolings_are_the_papers(x64, ours, paper, shape):
    f = maps(*shape)
    want = np.stack([paper(one) for one in f])
    np.testing.assert_allclose(jax.jit(ours)(f), want, rtol=1e-12, atol=1e-12)


def tolias_regions(height, width, levels):
    """The authors' grid (rmac_regionvec.m), with its arithmetic in floats."""
    steps = np.arange(2, 8)
    w = min(height, width)
    b = (max(height, width) - w) / (steps - 1)
    index = int(np.argmin(abs((w * w - w * b) / (w * w) - 0.4))) + 1
    more_w, more_h = (index if width > height else 0), (index if height > width else 0)
    found = []
    for level in range(1, levels + 1):
        side = math.floor(2 * w / (level + 1))
        half = math.floor(side / 2 - 1)
        starts = []
        for size, more in ((height, more_h), (width, more_w)):
            count = level + more
            gap = 0 if count == 1 else (size - side) / (count - 1)
            starts.append([math.floor(half + i * gap + 1e-9) - half for i in range(count)])
        found += [(top, left, side) for top in starts[0] for left in starts[1]]
    return found


@pytest.mark.parametrize("shape", [(7, 7), (5, 9), (24, 32), (32, 24), (3, 20), (30, 40)])
def test_regions_are_those_of_the_authors(shape):
    assert region_grid(*shape, 3) == tolias_regions(*shape, 3)


def test_rmac_is_the_paper(x64):
    f = maps(6, 9)
    projection = fit_projection(DRAW.normal(size=(30, 4)), 3)
    want = []
    for one in f:
        total = 0
        for top, left, side in tolias_regions(6, 9, 3):
            v = one[top : top + side, left : left + side].max((0, 1))
            v = (v / np.linalg.norm(v) - projection.mean) @ projection.basis
            total = total + v / np.linalg.norm(v)
        want.append(total / np.linalg.norm(total))
    found = jax.jit(lambda f: compact(rmac(f), projection))(f)
    np.testing.assert_allclose(found, want, rtol=1e-12)


def test_small_maps_have_fewer_regions():
    assert region_grid(1, 1) == [(0, 0, 1)]  # the squares of level 2 would have no cell


def test_poolings_stand_large_and_empty_maps():
    large = jnp.full((1, 2, 2, 3), 1e30, jnp.float32)
    for pool in (gem, spoc, mac, crow):
        found = jax.jit(lambda x, pool=pool: compact(pool(x)))
        assert np.isfinite(found(large)).all()
        assert np.isfinite(found(jnp.zeros((1, 2, 2, 3)))).all()
    np.testing.assert_allclose(jax.jit(gem)(large), 1e30, rtol=1e-5)


@pytest.mark.parametrize("count", [40, 6])
def test_whitened_vectors_have_no_correlation(count):
    x = DRAW.normal(size=(count, 8)) @ DRAW.normal(size=(8, 8)) + 3
    dims = 5
    projection = fit_projection(x, dims)
    y = (x - projection.mean) @ projection.basis
    np.testing.assert_allclose(y.T @ y / count, np.eye(dims), atol=1e-4)
    plain = fit_projection(x, dims, whiten=False)
    np.testing.assert_allclose(plain.basis.T @ plain.basis, np.eye(dims), atol=1e-6)
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    np.testing.assert_allclose(plain.variance, values[:dims], rtol=1e-4)


def test_scikit_learn_finds_the_same_axes():
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = DRAW.normal(size=(50, 8)) @ DRAW.normal(size=(8, 8))
    found = decomposition.PCA(3, whiten=True).fit_transform(x) * math.sqrt(50 / 49)
    projection = fit_projection(x, 3)
    ours = (x - projection.mean) @ projection.basis
    np.testing.assert_allclose(abs(ours), abs(found), rtol=1e-3, atol=1e-4)


class Small(nn.Module):
    """Two convolutions with a ReLU between them."""

    @nn.compact
    def __call__(self, x):
        return nn.Conv(6, (3, 3), name="conv2")(nn.relu(nn.Conv(4, (3, 3), name="conv1")(x)))


@pytest.fixture(scope="module")
def network():
    sizes = {"conv1": (3, 3, 1, 4), "conv2": (3, 3, 4, 6)}
    params = {n: {"kernel": DRAW.normal(size=s), "bias": np.ones(s[-1])} for n, s in sizes.items()}
    params = jax.tree.map(lambda a: a.astype("f4"), params)
    return Small(), {"params": params}, DRAW.normal(size=(5, 16, 16, 1)).astype("f4")


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@pytest.mark.parametrize("pool", [*retrieval.POOLINGS, lambda f: f.mean((1, 2))])
def test_describe_pools_a_layer_and_normalises(network, pool):
    model, variables, x = network
    found = describe(model, variables, [x[:3], x[3:]], at="conv2", pool=pool)
    f = features(model, variables, x, "conv2")["conv2"]
    pooled = retrieval.POOLINGS.get(pool, pool)(f) if isinstance(pool, str) else pool(f)
    np.testing.assert_allclose(found, compact(pooled), atol=1e-5)


def test_describe_takes_the_projection_and_the_last_maps(network):
    model, variables, x = network
    raw = describe(model, variables, [x], pool="gem")
    at = describe(model, variables, [x], at="conv2", pool="gem")
    np.testing.assert_array_equal(raw, at)
    projection = fit_projection(raw, 2)
    found = describe(model, variables, [x], pool="gem", projection=projection)
    want = unit((raw - projection.mean) @ projection.basis)
    np.testing.assert_allclose(found, want, atol=1e-4)


def test_scales_are_averaged_and_regions_taken_together(network):
    model, variables, x = network
    small = np.asarray(jax.image.resize(x, (5, 12, 12, 1), "linear"))
    options = {"at": "conv1", "pool": "mac"}
    both = [describe(model, variables, [images], **options) for images in (x, small)]
    found = describe(model, variables, [x], **options, scales=(1.0, 0.72))
    np.testing.assert_allclose(found, unit(sum(both)), atol=1e-5)
    options = {"at": "conv1", "pool": "rmac", "regions": True}
    parts = describe(model, variables, [x], **options, scales=(1.0, 0.72))
    assert parts.shape == (5, 28, 4)
    np.testing.assert_allclose(np.linalg.norm(parts, axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spoc(jnp.ones((2, 3))), r"must be maps \(N, H, W, C\)"),
        (lambda: mac(jnp.ones((2, 3, 3, 1), int)), "floating-point"),
        (lambda: gem(jnp.ones((1, 2, 2, 1)), p=0), "p=0: must be > 0"),
        (lambda: crow(jnp.ones((1, 2, 2, 1)), b=-1), "b=-1: must be a number > 0"),
        (lambda: region_grid(0, 3), "height=0"),
        (lambda: fit_projection(np.ones((4, 3)), 2), "do not vary"),
        (lambda: fit_projection(np.ones((4, 3)), 4), "at most 3 axes"),
        (lambda: fit_projection(np.full((4, 3), np.nan), 1), "NaN"),
        (lambda: compact(jnp.ones((2, 3)), Projection(*map(np.ones, (4, (4, 2), 2)))), "fitted on"),
        (lambda: describe(nn.Dense(1), {}, [], pool="gme"), "must be one of 'code'"),
        (lambda: describe(nn.Dense(1), {}, [], scales=(0.0,)), "numbers > 0"),
        (lambda: describe(nn.Dense(1), {}, []), "holds no image"),
    ],
)
def test_errors(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_an_image_that_is_not_finite_is_told(network):
    model, variables, x = network
    with pytest.raises(ValueError, match="1 vectors are not finite"):
        describe(
            model, variables, [np.where(np.arange(5) == 2, np.nan, 1)[:, None, None, None] * x]
        )
