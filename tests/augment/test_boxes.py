"""Crops and erasures: both are rectangles drawn by one rule."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import images as pillow
from jaxcnn.augment import random_erasing, random_resized_crop, stream
from jaxcnn.augment.boxes import draw_boxes
from tests.augment.batch import keys, pixels
from tests.marks import slow

crop = jax.jit(
    random_resized_crop,
    static_argnames=("size", "scale", "ratio", "interpolation", "antialias"),
)
erase = jax.jit(random_erasing, static_argnames=("probability", "scale", "ratio", "value"))
boxes = jax.jit(draw_boxes, static_argnums=(1, 2, 3, 4))


@pytest.mark.slow
def test_areas_proportions_and_places_fill_their_ranges():
    size, scale, ratio = (400, 600), (0.1, 0.5), (0.5, 2.0)
    (top, left, tall, wide), fits = (
        jax.tree.map(np.asarray, part) for part in boxes(keys(4000), size, scale, ratio, size)
    )
    assert fits.all()
    share = tall * wide / (400 * 600)
    assert 0.099 < share.min() < 0.102
    assert 0.48 < share.max() < 0.501
    # Large tall boxes do not fit and are drawn again; all small ones are as they were drawn.
    logs = np.log(wide / tall)[share < 0.3]
    assert abs(logs.mean()) < 0.03
    assert abs(logs.std() - 2 * np.log(2) / np.sqrt(12)) < 0.02
    for start, length, full in ((top, tall, 400), (left, wide, 600)):
        place = start / np.maximum(full - length, 1)
        assert place.min() >= 0
        assert place.max() <= 1
        assert abs(place.mean() - 0.5) < 0.02


def test_no_box_is_larger_than_its_limit():
    drawn, fits = boxes(keys(500), (10, 12), (0.5, 1.0), (0.5, 2.0), (9, 11))
    assert 0 < np.mean(fits) <= 1
    assert np.asarray(drawn.height)[fits].max() == 9
    assert np.asarray(drawn.width)[fits].max() <= 11


@pytest.mark.parametrize("out", [(5, 6), (30, 40)])
@pytest.mark.slow
def test_crop_is_cut_and_resized_by_pillow(out):
    images, options = pixels((6, 21, 24, 3)), {"scale": (0.3, 0.9), "ratio": (0.7, 1.4)}
    crops = np.asarray(crop(keys(6), images, out, **options))
    drawn, fits = boxes(
        stream(keys(6), "random_resized_crop"), (21, 24), *options.values(), (21, 24)
    )
    assert np.all(fits)
    for image, result, top, left, tall, wide in zip(images, crops, *drawn, strict=True):
        part = image[top : top + tall, left : left + wide]
        expected = pillow.resize(np.ascontiguousarray(part), out).astype(int)
        assert np.abs(result - expected).max() <= 1  # Pillow rounds between rows and columns


@pytest.mark.parametrize(
    ("size", "window"), [((4, 40), np.s_[:, 17:22]), ((40, 4), np.s_[17:22, :])]
)
def test_where_nothing_fits_the_middle_is_cut(size, window):
    """By torchvision's rule: of a side of 4, the longest allowed is round(4 * 4 / 3) = 5."""
    images = pixels((1, *size, 1))
    expected = images[0][window]
    result = crop(keys(1), images, expected.shape[:2], scale=(1.0, 1.0))
    np.testing.assert_array_equal(result[0], expected)


@pytest.mark.slow
def test_without_antialias_neighbours_are_mixed():
    image = jnp.arange(16.0).reshape(1, 1, 16, 1)
    options = {"scale": (1.0, 1.0), "ratio": (16.0, 16.0)}
    result = crop(keys(1), image, (1, 4), antialias=False, **options)
    np.testing.assert_allclose(result.ravel(), [1.5, 5.5, 9.5, 13.5], rtol=1e-6)
    spike = jnp.zeros((1, 1, 16, 1)).at[0, 0, 4].set(1)
    assert crop(keys(1), spike, (1, 4), antialias=False, **options).max() == 0
    assert crop(keys(1), spike, (1, 4), **options).max() > 0.1


@pytest.mark.slow
def test_nearest_cuts_classes_where_the_image_is_cut():
    images = pixels((8, 12, 12, 1))
    whole = {"interpolation": "nearest", "scale": (0.2, 0.9)}
    cut = crop(keys(8), images, 6, **whole)
    np.testing.assert_array_equal(crop(keys(8), images.astype(np.int32), 6, **whole), cut)
    ramp = np.tile(np.arange(12)[None, None, :, None], (8, 12, 1, 1)).astype(np.uint8)
    classes, smooth = crop(keys(8), ramp, 6, **whole), crop(keys(8), ramp, 6, scale=(0.2, 0.9))
    assert np.abs(np.asarray(classes, int) - smooth).max() <= 1


def test_erased_rectangles_have_the_drawn_areas():
    images = np.ones((1000, 20, 20, 1), np.float32)
    erased = np.asarray(erase(keys(1000), images, 0.4, scale=(0.1, 0.3)))
    share = (erased == 0).mean(axis=(1, 2, 3))
    touched = share > 0
    assert 0.35 < touched.mean() < 0.45
    assert share[touched].min() > 0.08
    assert share[touched].max() < 0.33
    assert abs(share[touched].mean() - 0.2) < 0.01
    rows, columns = (erased == 0).any(axis=(2, 3)).sum(1), (erased == 0).any(axis=(1, 3)).sum(1)
    np.testing.assert_array_equal(rows * columns, (erased == 0).sum(axis=(1, 2, 3)))


@pytest.mark.parametrize("dtype", [np.uint8, slow(np.float32)])
def test_erased_pixels_hold_the_value(dtype):
    images = np.full((64, 8, 8, 3), 77).astype(dtype)
    np.testing.assert_array_equal(erase(keys(64), images, 0.0), images)
    colour = np.asarray(erase(keys(64), images, 1.0, value=(1, 2, 3)))
    hidden = (colour != 77).any(-1)
    assert (colour[hidden] == [1, 2, 3]).all()
    noise = np.asarray(erase(keys(64), images, 1.0, value="random"))
    assert noise.dtype == dtype
    np.testing.assert_array_equal(noise[~hidden], images[~hidden])
    mean, spread = (127.5, 73.9) if dtype == np.uint8 else (0, 1)
    assert abs(noise[hidden].mean() - mean) < 0.1 * spread
    assert abs(noise[hidden].std() / spread - 1) < 0.1


GOOD = pixels((2, 4, 5, 3))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: random_resized_crop(keys(2), GOOD, 0), "size=0: must be >= 1"),
        (lambda: random_resized_crop(keys(2), GOOD, 2, scale=(0, 1)), "scale=.*ascending"),
        (lambda: random_resized_crop(keys(2), GOOD, 2, ratio=(2, 1)), "ratio=.*ascending"),
        (lambda: random_resized_crop(keys(2), GOOD.astype(int), 2), "must be uint8 or floating"),
        (lambda: random_erasing(keys(2), GOOD, 2), "probability=2: must lie"),
        (lambda: random_erasing(keys(2), GOOD, value=(1, 2)), "value=.*each channel"),
        (lambda: random_erasing(keys(3), GOOD), "keys=.*one for each image"),
    ],
)
def test_bad_input(call, text):
    with pytest.raises((ValueError, TypeError), match=text):
        call()
