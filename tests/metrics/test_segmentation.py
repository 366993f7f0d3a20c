"""Scores of pixels are scikit-learn's, and counts of parts are counts of the whole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, jaccard_score

from jaxcnn import metrics

RNG = np.random.default_rng(0)
TRUE, SAID = RNG.integers(0, 5, (2, 6, 8, 8))
TRUE[:, :3] = 255
SAID = np.where(RNG.random(SAID.shape) < 0.5, TRUE % 5, SAID)


def counts(true=TRUE, said=SAID, classes=5):
    return metrics.confusion_matrix(true, said, classes)


def test_scores_are_sklearns():
    matrix = np.asarray(counts(classes=6))  # the sixth class is neither there nor said
    true, said = TRUE[TRUE != 255], SAID[TRUE != 255]
    iou, f1 = jaccard_score(true, said, average=None), f1_score(true, said, average=None)
    np.testing.assert_allclose(metrics.iou_per_class(matrix), [*iou, np.nan], rtol=1e-12)
    np.testing.assert_allclose(metrics.dice_per_class(matrix), [*f1, np.nan], rtol=1e-12)
    np.testing.assert_allclose(metrics.mean_iou(matrix), iou.mean(), rtol=1e-12)
    np.testing.assert_allclose(metrics.mean_dice(matrix), f1.mean(), rtol=1e-12)
    np.testing.assert_allclose(metrics.pixel_accuracy(matrix), accuracy_score(true, said))


def test_counts_of_devices_add_up_to_those_of_the_whole():
    mask = RNG.random(TRUE.shape) < 0.7
    whole = metrics.confusion_matrix(TRUE, SAID, 5, mask)

    def share(true, said, mask):
        return jax.lax.psum(metrics.confusion_matrix(true, said, 5, mask), "devices")

    parts = jax.pmap(share, "devices", devices=jax.devices()[:6])(TRUE, SAID, mask)
    np.testing.assert_array_equal(parts[0], whole)
    assert whole.sum() == (mask & (TRUE != 255)).sum()


def test_scores_of_each_image_and_under_jit():
    each = jax.vmap(counts)(TRUE, SAID)
    scores = jax.jit(metrics.mean_iou)(each)
    expected = [metrics.mean_iou(np.asarray(matrix)) for matrix in each]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_large_counts_are_exact():
    matrix = np.array([[2**40, 1], [0, 2**40]])
    assert metrics.iou_per_class(matrix)[0] < 1
    assert metrics.pixel_accuracy(matrix).dtype == np.float64


def test_nothing_counted_is_no_number():
    empty = jnp.zeros((2, 2), jnp.int32)
    for score in (metrics.mean_iou, metrics.mean_dice, metrics.pixel_accuracy):
        assert np.isnan(score(empty))


def test_bad_input():
    with pytest.raises(ValueError, match=r"confusion=.*must be \(\.\.\., K, K\)"):
        metrics.iou_per_class(np.zeros((2, 3)))
