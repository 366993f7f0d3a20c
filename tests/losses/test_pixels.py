"""Losses of pixels against their formulas in NumPy, and what they leave out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from jaxcnn.losses import (
    border_weights,
    cross_entropy,
    dice,
    focal,
    pixel_cross_entropy,
    pixel_mean,
)
from tests.ops.derivatives import quick_jit

RNG = np.random.default_rng(0)
CLASSES = 4
LOGITS = RNG.normal(size=(3, 5, 6, CLASSES))
LABELS = RNG.integers(0, CLASSES, (3, 5, 6))
LABELS[:, :2, 3:] = 255
COUNTED = LABELS != 255
WEIGHTS = RNG.uniform(0.5, 3, LABELS.shape)


def reference_dice(odds, labels, smooth=1.0, squared=False, absent=True):
    losses = []
    for p, y in zip(odds, labels, strict=True):
        p, y = p[y != 255], y[y != 255]
        scores = []
        for k in range(CLASSES):
            true = (y == k).astype(float)
            if not absent and not true.any():
                continue
            said = (p[:, k] ** 2).sum() if squared else p[:, k].sum()
            scores.append((2 * (p[:, k] * true).sum() + smooth) / (said + true.sum() + smooth))
        losses.append(1 - np.mean(scores))
    return np.array(losses)


@pytest.mark.parametrize("options", [{}, {"smooth": 1e-3}, {"squared": True}, {"absent": False}])
def test_dice_is_its_formula(x64, options):
    labels = np.where(LABELS == 3, 0, LABELS)  # one class is not there
    expected = reference_dice(softmax(LOGITS, -1), labels, **options)
    np.testing.assert_allclose(dice(LOGITS, labels, **options), expected, rtol=1e-12)


def test_cross_entropy_of_pixels_is_the_mean_over_those_that_count(x64):
    surprise = -np.take_along_axis(log_softmax(LOGITS, -1), (LABELS % CLASSES)[..., None], -1)
    for weights in (None, WEIGHTS):
        losses = pixel_cross_entropy(LOGITS, LABELS, weights)
        for i in range(3):
            terms = surprise[i, ..., 0] * (1 if weights is None else weights[i])
            np.testing.assert_allclose(losses[i], terms[COUNTED[i]].mean(), rtol=1e-12)


@pytest.mark.parametrize("gamma", [0, 0.5, 2])
def test_focal_is_its_formula(x64, gamma):
    labels = LABELS % CLASSES
    alpha = (0.25, 1, 2, 0)
    p = np.take_along_axis(softmax(LOGITS, -1), labels[..., None], -1)[..., 0]
    expected = -np.array(alpha)[labels] * (1 - p) ** gamma * np.log(p)
    np.testing.assert_allclose(focal(LOGITS, labels, gamma=gamma, alpha=alpha), expected, rtol=1e-9)
    plain = focal(LOGITS, labels, gamma=0)
    np.testing.assert_allclose(plain, cross_entropy(LOGITS, labels), rtol=1e-9)


PLAIN = {
    "cross_entropy": pixel_cross_entropy,
    "focal": lambda z, y: pixel_mean(focal(z, y, gamma=0.5), y),
    "dice": dice,
}
LOSSES = {name: quick_jit(loss) for name, loss in PLAIN.items()}


def slope_of(name):
    return quick_jit(jax.value_and_grad(lambda z, y: PLAIN[name](z, y).sum()))


@pytest.mark.parametrize("name", LOSSES)
def test_ignored_pixels_change_nothing_and_pull_at_nothing(name, x64):
    loss, other = LOSSES[name], LOGITS + 9 * RNG.normal(size=LOGITS.shape) * ~COUNTED[..., None]
    np.testing.assert_allclose(loss(other, LABELS), loss(LOGITS, LABELS), rtol=1e-12)
    slope = np.asarray(slope_of(name)(LOGITS, LABELS)[1])
    assert np.all(slope[~COUNTED] == 0)
    assert np.all(np.any(slope[COUNTED] != 0, axis=-1))
    direction, step = RNG.normal(size=LOGITS.shape), 1e-5
    after, before = (loss(LOGITS + s * direction, LABELS).sum() for s in (step, -step))
    np.testing.assert_allclose((slope * direction).sum(), (after - before) / (2 * step), rtol=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_a_label_that_does_not_exist_is_seen_in_its_image_alone(name):
    wrong = LABELS.copy()
    wrong[1, 0, 0] = CLASSES
    losses = np.asarray(LOSSES[name](LOGITS.astype(np.float32), wrong))
    assert np.isnan(losses).tolist() == [False, True, False]


@pytest.mark.parametrize("name", LOSSES)
def test_certain_answers(name):
    """Right ones cost nothing, nor does an image without a pixel that counts; no slope is NaN."""
    labels = np.stack([LABELS[0], np.full_like(LABELS[0], 255)])
    sure = 1e4 * (labels[..., None] == np.arange(CLASSES)).astype(np.float32)
    value, slope = slope_of(name)(sure, labels)
    assert abs(value) <= 1e-6
    assert np.isfinite(slope).all()


def test_border_weights_by_hand():
    """A gap of three pixels: the middle is two from either side, the others one and three."""
    objects = np.array([[7, 0, 0, 0, 3]])
    ridge = 1 + 10 * np.exp(-(4**2) / (2 * 5**2))
    np.testing.assert_allclose(border_weights(objects), [[1, ridge, ridge, ridge, 1]], rtol=1e-6)
    np.testing.assert_array_equal(border_weights(np.array([[0, 4, 0]])), 1)  # one object alone
    np.testing.assert_array_equal(border_weights(np.zeros((2, 3), int)), 1)


def test_border_weights_are_those_of_brute_force():
    objects = np.kron(RNG.integers(0, 4, (4, 5)), np.ones((3, 3), int))
    base = RNG.uniform(size=objects.shape)
    found = border_weights(objects, w0=3, sigma=2, class_weights=base)
    for (row, column), number in np.ndenumerate(objects):
        extra = 0.0
        if number == 0:
            near = sorted(
                np.hypot(*(np.argwhere(objects == k) - (row, column)).T).min() for k in (1, 2, 3)
            )
            extra = 3 * np.exp(-((near[0] + near[1]) ** 2) / 8)
        np.testing.assert_allclose(found[row, column], base[row, column] + extra, rtol=1e-6)


def test_bfloat16_is_computed_in_float32():
    logits = jax.ShapeDtypeStruct(LOGITS.shape, jnp.bfloat16)
    for loss in PLAIN.values():
        assert jax.eval_shape(loss, logits, LABELS).dtype == jnp.float32


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: dice(LOGITS, LABELS[:2]), r"labels=.*must have shape \(B, \*S\)"),
        (lambda: dice(LOGITS, LABELS, smooth=0), "smooth=0: must be a number > 0"),
        (lambda: dice(LOGITS, LABELS * 1.0), "labels=.*must be integers"),
        (lambda: focal(LOGITS, LABELS, gamma=-1), "gamma=-1: must be"),
        (lambda: focal(LOGITS, LABELS, alpha=(1, 1)), "alpha=.*must be 4 numbers"),
        (lambda: focal(LOGITS, softmax(LOGITS, -1)), "labels=.*must be classes"),
        (lambda: pixel_mean(LOGITS[..., 0], LABELS[0]), "labels=.*must have the shape"),
        (lambda: pixel_mean(LOGITS[..., 0], LABELS, WEIGHTS[0]), "weights=.*must have the shape"),
        (lambda: pixel_cross_entropy(LOGITS, LABELS, ignore=None), "ignore=None: must be an int"),
        (lambda: border_weights(WEIGHTS[0]), "objects=.*must be integers"),
        (lambda: border_weights(-LABELS[0]), "objects=.*must be >= 0"),
        (lambda: border_weights(LABELS[0], sigma=0), "sigma=0: must be"),
    ],
)
def test_bad_input(call, text):
    with pytest.raises((ValueError, TypeError), match=text):
        call()
