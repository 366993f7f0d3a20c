"""Explanations by parts of the image: fair shares, given draws, what is refused."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import explain
from jaxcnn.explain.blur import blur
from tests.explain.networks import Linear, Small, made

pytestmark = pytest.mark.usefixtures("x64")


def shapley(model, variables, x, labels, target):
    """Return the values by their definition, over all sets."""
    count = labels.max() + 1
    sets = list(itertools.product((False, True), repeat=count))
    shown = np.asarray(sets)[:, labels][:, None, ..., None]
    scores = model.apply(variables, jnp.where(shown, x[None], 0).reshape(-1, *x.shape[1:]))
    scores = dict(zip(sets, np.asarray(scores)[:, target].reshape(len(sets), -1), strict=True))
    values = np.zeros((len(x), count))
    for j, on in itertools.product(range(count), sets):
        if not on[j]:
            size = sum(on)
            weight = math.factorial(size) * math.factorial(count - size - 1)
            joined = (*on[:j], True, *on[j + 1 :])
            values[:, j] += weight / math.factorial(count) * (scores[joined] - scores[on])
    return values


@pytest.mark.slow
def test_all_sets_make_kernel_shap_exact():
    model, variables, x = made(Small())
    labels = explain.squares((8, 6), 2)
    expected = shapley(model, variables, x, labels, 1)[:, labels]
    found = explain.kernel_shap(model, variables, x, 1, segments=2)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_some_sets_make_kernel_shap_add_up_and_come_close():
    model, variables, x = made(Small())
    found = explain.kernel_shap(model, variables, x, 1, segments=3, samples=400)
    _, first = np.unique(explain.squares((8, 6), 3), return_index=True)
    shares = np.asarray(found).reshape(3, -1)[:, first]
    score = model.apply(variables, x)[:, 1] - model.apply(variables, 0 * x)[:, 1]
    np.testing.assert_allclose(shares.sum(1), score, rtol=1e-9)
    exact = explain.kernel_shap(model, variables, x, 1, segments=3, samples=510)
    assert np.abs(found - exact).max() < 0.05 * np.abs(exact).max()


@pytest.mark.slow
def test_parts_of_a_linear_network_have_the_sum_of_their_pixels():
    model, variables, x = made(Linear())
    labels = np.random.default_rng(0).integers(0, 5, x.shape[:3])
    pixels = explain.gradient_x_input(model, variables, x, 2).sum(-1)
    sums = np.stack(
        [np.bincount(a.ravel(), b.ravel()) for a, b in zip(labels, pixels, strict=True)]
    )
    expected = np.take_along_axis(sums, labels.reshape(3, -1), 1).reshape(labels.shape)
    for method, options in {
        explain.feature_ablation: {},
        explain.kernel_shap: {},
        explain.lime: {"ridge": 0.0, "samples": 40},
    }.items():
        found = method(model, variables, x, 2, segments=labels, **options)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.slow
def test_blurred_shares_add_up():
    model, variables, x = made(Small(nn.silu), (4, 8, 6, 2))
    shares = explain.blur_integrated_gradients(model, variables, x, 1, sigma=3.0, steps=100)
    gain = (model.apply(variables, x) - model.apply(variables, blur(x, 3.0)))[:, 1]
    np.testing.assert_allclose(shares.sum((1, 2, 3)), gain, rtol=1e-3)


@pytest.mark.slow
def test_blur_is_scipys_within_the_image():
    from scipy.ndimage import gaussian_filter

    x = np.asarray(made(Small(), (1, 40, 40, 1))[2])
    expected = gaussian_filter(x, 1.5, axes=(1, 2), truncate=8)
    np.testing.assert_allclose(blur(x, 1.5)[:, 12:-12, 12:-12], expected[:, 12:-12, 12:-12])


@pytest.mark.slow
def test_masks_of_rise_may_be_given():
    model, variables, x = made(Small())
    masks = np.random.default_rng(0).uniform(size=(5, 8, 6))
    scores = jax.vmap(lambda m: model.apply(variables, m[None, ..., None] * x)[:, 1])(masks)
    expected = np.einsum("kn,khw->nhw", scores, masks) / (5 * 0.4)
    found = explain.rise(model, variables, x, 1, masks=masks, keep=0.4)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_progress_is_told_chunk_by_chunk():
    model, variables, x = made(Linear())
    told = []
    options = {"segments": 2, "chunk": 3, "progress": lambda *done: told.append(done)}
    jax.block_until_ready(explain.feature_ablation(model, variables, x, 1, **options))
    jax.effects_barrier()
    assert told == [(2, 4), (4, 4)]


def test_superpixels_follow_the_edges():
    pytest.importorskip("skimage", reason="needs scikit-image, of the extra cli")
    x = np.zeros((1, 16, 16, 3))
    x[:, :, 8:] = 1
    labels = explain.superpixels(x, 4)
    assert labels.shape == (1, 16, 16)
    assert not set(labels[..., :8].ravel()) & set(labels[..., 8:].ravel())


LABELS = np.arange(48).reshape(8, 6) // 12


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lime", {"segments": 9}, r"segments=9: must be >= 1 and fit into the image, \(8, 6\)"),
        ("lime", {"segments": 1}, "must make two parts or more"),
        ("lime", {"width": 0}, "width=0: must be > 0"),
        ("lime", {"ridge": -1}, "ridge=-1: must be >= 0"),
        ("lime", {"segments": LABELS, "masks": np.ones((3, 5))}, r"must have shape \(n, 4\)"),
        ("kernel_shap", {"segments": LABELS[:, :5]}, "ints of shape"),
        ("kernel_shap", {"segments": LABELS - 1}, "must not be negative"),
        ("kernel_shap", {"segments": 2, "masks": np.ones((9, 4))}, "tell not all parts apart"),
        ("feature_ablation", {"segments": LABELS / 2}, "ints of shape"),
        ("feature_ablation", {"baseline": np.zeros(3)}, "does not broadcast"),
        ("blur_integrated_gradients", {"sigma": 0}, "sigma=0: must be > 0"),
        ("smooth_grad", {"noise": np.zeros((2, 8, 6, 1))}, r"must have shape \(n, 8, 6, 2\)"),
        ("rise", {"masks": np.zeros((2, 6, 8))}, r"must have shape \(n, 8, 6\)"),
    ],
)
def test_parts_and_draws_that_cannot_be_meant_are_refused(name, options, message):
    model, variables, x = made(Small())
    with pytest.raises(ValueError, match=message):
        getattr(explain, name)(model, variables, x, 0, **options)
