import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.augment import horizontal_flip, normalize, pad_crop, stream
from jaxcnn.augment.pad_crop import MODES
from tests.augment.batch import keys, pixels

DTYPES = [np.uint8, np.float32, jnp.bfloat16]

crop = jax.jit(pad_crop, static_argnames=("padding", "mode"))
flip = jax.jit(horizontal_flip, static_argnames="probability")


@functools.partial(jax.jit, static_argnums=1)
def offsets_of(drawn, count):
    """The draws of `pad_crop`, one key at a time: a vmap would not show its own mistakes."""
    return [jax.random.randint(key, (2,), 0, count) for key in stream(drawn, "pad_crop")]


@pytest.mark.parametrize(
    ("mode", "shape", "padding"),
    [*((mode, (5, 5, 7, 3), 3) for mode in MODES), ("reflect", (5, 6, 4, 1), 1)],
)
def test_pad_crop_is_numpys_pad_and_a_window(mode, shape, padding):
    images, drawn = pixels(shape), keys(shape[0])
    crops = np.asarray(crop(drawn, images, padding, mode=mode))
    offsets = np.array(offsets_of(drawn, 2 * padding + 1))
    height, width = shape[1:3]
    for cut, image, (top, left) in zip(crops, images, offsets, strict=True):
        border = [(padding, padding), (padding, padding), (0, 0)]
        padded = np.pad(image, border, mode=mode)
        np.testing.assert_array_equal(cut, padded[top : top + height, left : left + width])


def test_pad_crop_reaches_every_offset_equally_often():
    image = np.arange(25).reshape(1, 5, 5, 1)
    crops = crop(keys(9000), np.tile(image, (9000, 1, 1, 1)), 1)
    _, counts = np.unique(np.asarray(crops)[:, 2, 2, 0], return_counts=True)
    assert len(counts) == 9
    # Chi-square with 8 degrees of freedom: 26.1 is passed by chance once in a thousand seeds.
    assert ((counts - 1000) ** 2 / 1000).sum() < 26.1


@pytest.mark.parametrize("dtype", DTYPES)
def test_image_and_mask_are_cropped_alike(dtype):
    images = pixels((6, 8, 8, 1))
    crops = crop(keys(6), images.astype(dtype), 2)
    assert crops.dtype == dtype
    np.testing.assert_array_equal(crops, np.asarray(crop(keys(6), images, 2)).astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_flip_mirrors_about_half(dtype):
    images = pixels((2000, 2, 3, 1), dtype)
    flips = flip(keys(2000), images)
    assert flips.dtype == dtype
    flips = np.asarray(flips)
    kept = (flips == images).all(axis=(1, 2, 3))
    mirrored = (flips == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (kept | mirrored).all()
    assert 900 < kept.sum() < 1100


@pytest.mark.parametrize(("probability", "step"), [(0.0, 1), (1.0, -1)])
def test_flip_at_its_limits(probability, step):
    images = pixels((50, 3, 4, 2))
    flips = flip(keys(50), images, probability)
    np.testing.assert_array_equal(flips, images[:, :, ::step])


def test_a_flip_says_nothing_about_the_crop():
    drawn = keys(4000)
    image = np.broadcast_to(np.arange(5).reshape(1, 1, 5, 1), (4000, 5, 5, 1))
    left = np.asarray(crop(drawn, image, 2, mode="edge"))[:, 0, 2, 0]
    flipped = np.asarray(flip(drawn, image))[:, 0, 0, 0] == 4
    assert abs(np.corrcoef(left, flipped)[0, 1]) < 0.06


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_normalize_is_the_formula(dtype):
    images = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    result = normalize(images, mean, std, dtype)
    expected = (images / 255.0 - np.array(mean)) / np.array(std)
    assert result.dtype == dtype
    tolerance = 1e-6 if dtype == jnp.float32 else float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(np.asarray(result, np.float64), expected, tolerance, tolerance)


def test_normalize_in_float64(x64):
    result = normalize(jnp.array([[[[7]]]], jnp.uint8), (0.25,), (0.5,), jnp.float64)
    assert result.dtype == jnp.float64
    assert abs(result.item() - (7 / 255 - 0.25) / 0.5) < 1e-15


@pytest.mark.parametrize(
    "function",
    [
        horizontal_flip,
        lambda keys, images: normalize(images, (0.4,), (0.3,)),
    ],
)
def test_jit_equals_eager_bitwise(function):
    images = pixels((5, 9, 8, 3))
    np.testing.assert_array_equal(jax.jit(function)(keys(5), images), function(keys(5), images))


GOOD = pixels((2, 4, 5, 3))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: pad_crop(keys(3), GOOD, 1),
            ValueError,
            r"keys=.*\(3,\).*shape \(2,\), one for each",
        ),
        (lambda: pad_crop(keys(2), GOOD[0], 1), ValueError, r"images=.*must be \(B, H, W, C\)"),
        (lambda: pad_crop(keys(2), GOOD, 4), ValueError, "padding=4: must be at most 3 for mode"),
        (lambda: pad_crop(keys(2), GOOD, -1), ValueError, "padding=-1: must be >= 0"),
        (lambda: pad_crop(keys(2), GOOD, 1.5), TypeError, "padding=1.5: must be an int"),
        (
            lambda: pad_crop(keys(2), GOOD, 1, mode="mirror"),
            ValueError,
            "must be one of 'constant', 'edge'",
        ),
        (
            lambda: horizontal_flip(jnp.zeros(2), GOOD),
            TypeError,
            "keys=.*must be typed random keys",
        ),
        (
            lambda: horizontal_flip(keys(2), GOOD, 1.5),
            ValueError,
            r"probability=1.5: must lie in \[0, 1\]",
        ),
        (
            lambda: normalize(GOOD / 255, (0.5,), (0.5,)),
            TypeError,
            "images=<float32.*must be uint8",
        ),
        (lambda: normalize(GOOD, (0.5, 0.5), (0.5,)), ValueError, "mean=.*must be 3 finite"),
        (lambda: normalize(GOOD, (0.5,), (0.0,)), ValueError, "std=.*must be > 0"),
        (lambda: normalize(GOOD, (0.5,), (0.5,), jnp.int32), TypeError, "dtype=.*must be floating"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()
