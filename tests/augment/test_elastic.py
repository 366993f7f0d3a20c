"""Bending, and images that move together with their masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxcnn import augment
from jaxcnn.augment import elastic
from tests.augment.batch import keys, pixels

bend = jax.jit(augment.grid_displacements, static_argnums=1, static_argnames=("deviation", "nodes"))
pair = jax.jit(
    lambda *arrays, **options: augment.random_pair(*arrays, **options),
    static_argnames=("degrees", "translate", "scale", "shear", "flip", "elastic", "fill", "ignore"),
)
ALL = {
    "degrees": 30.0, "translate": 0.1, "scale": (0.8, 1.2), "shear": 10.0, "flip": 0.5,
    "elastic": 1.5,
}  # fmt: skip


@pytest.mark.parametrize("sigma", [0.8, 3.0])
def test_the_blur_is_scipys(sigma):
    noise = np.random.default_rng(0).normal(size=(17, 12))
    rows, columns = (elastic.gaussian_weights(n, sigma) for n in noise.shape)
    expected = ndimage.gaussian_filter(noise, sigma, mode="constant", truncate=4.0)
    np.testing.assert_allclose(rows @ noise @ columns.T, expected, atol=1e-6)


def test_cubic_weights_hit_the_nodes_and_follow_straight_lines():
    weights = elastic.cubic_weights(13, 5)
    np.testing.assert_allclose(weights[::3], np.eye(5), atol=1e-7)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    # Between inner nodes a line stays a line; at the ends the outermost node is repeated.
    np.testing.assert_allclose((weights @ np.arange(5))[3:10], np.arange(3, 10) / 3, rtol=1e-5)


def test_nodes_move_by_the_deviation_and_each_key_decides_alone():
    moved = np.asarray(bend(keys(4000), (9, 9), deviation=2.0, nodes=3))
    at_nodes = moved[:, ::4, ::4]
    np.testing.assert_allclose(at_nodes.std(axis=0), 2, rtol=0.1)
    np.testing.assert_allclose(at_nodes.mean(axis=0), 0, atol=0.15)
    assert abs(np.corrcoef(at_nodes.reshape(4000, -1).T) - np.eye(18)).max() < 0.1
    order = np.arange(4000)[::-1]
    np.testing.assert_array_equal(bend(keys(4000)[order], (9, 9), deviation=2.0), moved[order])


def test_gaussian_displacements_are_as_strong_as_the_formula_says():
    moved = jax.jit(lambda k: augment.gaussian_displacements(k, (21, 21), alpha=8, sigma=2))
    middle = np.asarray(moved(keys(2000)))[:, 10, 10]
    row = elastic.gaussian_weights(21, 2.0)[10]
    expected = 8 / np.sqrt(3) * (row**2).sum()  # of a uniform draw, through both blurs
    np.testing.assert_allclose(middle.std(axis=0), expected, rtol=0.06)


def test_displacements_point_to_what_is_seen():
    image = pixels((1, 4, 5, 2))
    moved = np.zeros((1, 4, 5, 2), np.float32)
    moved[..., 0], moved[..., 1] = 1, 2  # one to the right, two down
    still = jnp.eye(3)[None]
    seen = augment.affine_warp(image, still, displacements=moved, fill=9)
    expected = np.full_like(image, 9)
    expected[:, :2, :4] = image[:, 2:, 1:]
    np.testing.assert_array_equal(seen, expected)


def test_a_mask_moves_with_its_image():
    """Blobs as image and as mask: away from their rims both must say the same."""
    masks = (np.kron(pixels((6, 4, 4)) % 3, np.ones((8, 8))) + 1).astype(np.int32)
    images = (masks[..., None] * 60).astype(np.uint8)
    moved, classes = pair(keys(6), images, masks, **ALL, ignore=0)
    moved, classes = np.asarray(moved)[..., 0], np.asarray(classes)
    assert (moved != images[..., 0]).mean() > 0.2
    flat = np.stack([ndimage.maximum_filter(m, 3) == ndimage.minimum_filter(m, 3) for m in classes])
    assert flat.mean() > 0.3
    np.testing.assert_array_equal(moved[flat], 60 * classes[flat])
    assert set(np.unique(classes)) == {0, 1, 2, 3}


def test_a_pair_without_bending_is_random_affine():
    images, masks = pixels((4, 9, 9, 3)), pixels((4, 9, 9)).astype(np.int32) % 5
    options = {**ALL, "elastic": 0.0}
    moved, classes = pair(keys(4), images, masks, **options)
    del options["elastic"]
    alone = jax.jit(lambda k, x: augment.random_affine(k, x, **options))(keys(4), images)
    np.testing.assert_array_equal(moved, alone)
    outside = np.asarray(classes) == 255
    assert 0 < outside.sum() < classes.size / 2
    same, unmoved = pair(keys(4), images, masks)
    np.testing.assert_array_equal(same, images)
    np.testing.assert_array_equal(unmoved, masks)


GOOD, MASKS = pixels((2, 4, 5, 3)), np.zeros((2, 4, 5), np.int32)
EYES = np.tile(np.eye(3, dtype=np.float32), (2, 1, 1))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: augment.random_pair(keys(2), GOOD, MASKS[:1]), ValueError, "masks=.*must have"),
        (lambda: augment.random_pair(keys(2), GOOD, GOOD * 1.0), ValueError, "masks=.*integers"),
        (lambda: augment.random_pair(keys(2), GOOD, MASKS, elastic=-1), ValueError, "elastic=-1"),
        (
            lambda: augment.random_pair(keys(2), GOOD, MASKS.astype(np.int8)),
            ValueError,
            "ignore=255: must be a value of int8",
        ),
        (lambda: augment.grid_displacements(keys(2), (4, 4), nodes=1), ValueError, "nodes=1"),
        (lambda: augment.grid_displacements(3, (4, 4)), TypeError, "must be typed random keys"),
        (lambda: augment.gaussian_displacements(keys(2), (4, 4), sigma=0), ValueError, "sigma=0"),
        (lambda: augment.elastic_deform(keys(2), MASKS[..., None]), TypeError, "uint8 or floating"),
        (
            lambda: augment.affine_warp(GOOD, EYES, displacements=GOOD * 1.0),
            ValueError,
            r"displacements=.*must have shape \(2, 4, 5, 2\)",
        ),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()
