import colorsys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from jaxcnn.augment import color_jitter
from jaxcnn.augment.blends import DULL, blend
from jaxcnn.augment.hue import turn_hue
from tests.augment.batch import keys, pixels
from tests.marks import slow

FACTORS = (0.0, 0.3, 1.0, 1.9)
ENHANCE = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "saturation": ImageEnhance.Color,
    "sharpness": ImageEnhance.Sharpness,
}
jitter = jax.jit(color_jitter, static_argnames=("brightness", "contrast", "saturation", "hue"))


def test_blends_are_pillows_enhancements():
    images = pixels((16, 6, 7, 3))
    choice, factor = jnp.repeat(jnp.arange(4), 4), jnp.tile(jnp.array(FACTORS), 4)
    blended = jax.jit(lambda x: blend(x, tuple(DULL), choice, factor, 255.0))(
        images.astype(np.float32)
    )
    names = np.repeat(list(DULL), 4)
    for name, f, image, result in zip(names, factor, images, blended, strict=True):
        expected = np.asarray(ENHANCE[name](Image.fromarray(image)).enhance(float(f)))
        assert np.abs(result - expected.astype(float)).max() < 1.6  # Pillow rounds thrice


def test_factor_one_returns_the_image_exactly():
    images = pixels((4, 5, 5, 3))
    options = {"brightness": (1.0, 1.0), "contrast": (1.0, 1.0), "saturation": (1.0, 1.0)}
    np.testing.assert_array_equal(jitter(keys(4), images, **options), images)
    values = blend(jnp.asarray(images, jnp.float32), tuple(DULL), jnp.arange(4), jnp.ones(4), 255.0)
    np.testing.assert_array_equal(values, images)


def test_hue_is_that_of_the_standard_library():
    values = np.concatenate([pixels((40, 3)) / 255, np.eye(3), np.ones((1, 3)), np.zeros((1, 3))])
    for turn in (0.0, 0.13, -0.4, 0.5):
        image = jnp.asarray(values, jnp.float32)[None, None]
        result = turn_hue(image, jnp.array([turn]))[0, 0]
        for pixel, colour in zip(values, result, strict=True):
            hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
            expected = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
            np.testing.assert_allclose(colour, expected, atol=1e-5)


def test_factors_fill_their_range_and_bytes_are_floats():
    images = np.full((500, 1, 1, 3), 100, np.uint8)
    result = np.asarray(jitter(keys(500), images, brightness=0.4))
    assert result.min() in (60, 61)
    assert result.max() in (139, 140)
    assert abs(result.mean() - 100) < 4
    floats = np.asarray(jitter(keys(500), (images / 255).astype(np.float32), brightness=0.4))
    np.testing.assert_allclose(255 * floats, result, atol=0.501)


@pytest.mark.slow
def test_a_part_of_the_batch_gets_the_colours_it_has_in_the_whole():
    """Programs of other sizes round elsewhere; a hue that hung on it would be another colour."""
    images, options = pixels((32, 8, 8, 3)), {"brightness": 0.4, "contrast": 0.4, "hue": 0.1}
    whole = jitter(keys(32), images, **options)
    part = jitter(keys(32)[:4], images[:4], **options)
    assert np.abs(np.asarray(whole[:4], int) - np.asarray(part, int)).max() <= 1


def test_order_is_random_and_every_key_decides_alone():
    """Of a white and a black pixel, clipping makes the order seen: 6 orders, 4 of them differ."""
    image = np.array([[[[255, 0, 0], [30, 60, 200]]]], np.uint8)
    images = np.tile(image, (60, 1, 1, 1))
    options = {"brightness": (2.0, 2.0), "contrast": (0.5, 0.5), "saturation": (1.6, 1.6)}
    result = np.asarray(jitter(keys(60), images, **options))
    seen = np.unique(result.reshape(60, -1), axis=0)
    assert 4 <= len(seen) <= 6
    shuffled = np.random.default_rng(0).permutation(60)
    np.testing.assert_array_equal(jitter(keys(60)[shuffled], images, **options), result[shuffled])


@pytest.mark.parametrize("name", [slow("brightness"), slow("contrast"), slow("saturation"), "hue"])
def test_each_amount_changes_colours_and_none_does_not(name):
    images = pixels((6, 4, 4, 3))
    np.testing.assert_array_equal(color_jitter(keys(6), images), images)
    assert (jitter(keys(6), images, **{name: 0.4}) != images).any(axis=(1, 2, 3)).all()
    grey = images[..., :1]
    changed = (jitter(keys(6), grey, **{name: 0.4}) != grey).any()
    assert bool(changed) == (name in ("brightness", "contrast"))


GOOD = pixels((2, 4, 5, 3))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: color_jitter(keys(2), GOOD, hue=0.6), r"hue=0.6: must be a number in \[0, 0.5\]"),
        (lambda: color_jitter(keys(2), GOOD, contrast=-1), "contrast=-1: must be"),
        (lambda: color_jitter(keys(2), GOOD, brightness=(2, 1)), "brightness=.*ascending"),
        (lambda: color_jitter(keys(2), GOOD[..., :2]), "must have 1 or 3 channels"),
        (lambda: color_jitter(keys(2), GOOD.astype(int)), "must be uint8 or floating"),
    ],
)
def test_bad_input(call, text):
    with pytest.raises((ValueError, TypeError), match=text):
        call()
