import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.augment import example_keys, horizontal_flip, normalize, pad_crop, stream
from jaxcnn.augment.pad_crop import MODES

DTYPES = [jnp.uint8, jnp.float32, jnp.bfloat16]


def keys(count, step=0):
    return example_keys(jax.random.key(7), step, jnp.arange(count))


def pixels(shape, dtype=jnp.uint8):
    return jax.random.randint(jax.random.key(1), shape, 0, 256).astype(dtype)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("shape", "padding"), [((9, 5, 7, 3), 3), ((4, 6, 4, 1), 1)])
def test_pad_crop_is_numpys_pad_and_a_window(mode, shape, padding):
    images, drawn = pixels(shape), keys(shape[0])
    crops = jax.jit(pad_crop, static_argnames=("padding", "mode"))(
        drawn, images, padding=padding, mode=mode
    )
    offsets = jax.vmap(lambda key: jax.random.randint(key, (2,), 0, 2 * padding + 1))(
        stream(drawn, "pad_crop")
    )
    height, width = shape[1:3]
    for crop, image, (top, left) in zip(crops, images, np.array(offsets), strict=True):
        border = [(padding, padding), (padding, padding), (0, 0)]
        padded = np.pad(np.asarray(image), border, mode=mode)
        np.testing.assert_array_equal(crop, padded[top : top + height, left : left + width])


def test_pad_crop_reaches_every_offset_equally_often():
    image = jnp.arange(25).reshape(1, 5, 5, 1)
    crops = pad_crop(keys(9000), jnp.tile(image, (9000, 1, 1, 1)), 1)
    _, counts = np.unique(np.asarray(crops[:, 2, 2, 0]), return_counts=True)
    assert len(counts) == 9
    # Chi-square with 8 degrees of freedom: 26.1 is passed by chance once in a thousand seeds.
    assert ((counts - 1000) ** 2 / 1000).sum() < 26.1


@pytest.mark.parametrize("dtype", DTYPES)
def test_image_and_mask_are_cropped_alike(dtype):
    images = pixels((6, 8, 8, 1))
    crops = pad_crop(keys(6), images.astype(dtype), 2)
    assert crops.dtype == dtype
    np.testing.assert_array_equal(crops, pad_crop(keys(6), images, 2).astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_flip_mirrors_about_half(dtype):
    images = pixels((2000, 2, 3, 1), dtype)
    flips = horizontal_flip(keys(2000), images)
    assert flips.dtype == dtype
    kept = (flips == images).all(axis=(1, 2, 3))
    mirrored = (flips == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (kept | mirrored).all()
    assert 900 < kept.sum() < 1100


@pytest.mark.parametrize(("probability", "step"), [(0.0, 1), (1.0, -1)])
def test_flip_at_its_limits(probability, step):
    images = pixels((50, 3, 4, 2))
    flips = horizontal_flip(keys(50), images, probability)
    np.testing.assert_array_equal(flips, images[:, :, ::step])


def test_a_flip_says_nothing_about_the_crop():
    drawn = keys(4000)
    image = jnp.broadcast_to(jnp.arange(5).reshape(1, 1, 5, 1), (4000, 5, 5, 1))
    left = np.asarray(pad_crop(drawn, image, 2, mode="edge")[:, 0, 2, 0])
    flipped = np.asarray(horizontal_flip(drawn, image)[:, 0, 0, 0] == 4)
    assert abs(np.corrcoef(left, flipped)[0, 1]) < 0.06


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_normalize_is_the_formula(dtype):
    images = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    result = normalize(images, mean, std, dtype)
    expected = (images / 255.0 - np.array(mean)) / np.array(std)
    assert result.dtype == dtype
    tolerance = 1e-6 if dtype == jnp.float32 else float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(result.astype(jnp.float32), expected, tolerance, tolerance)


def test_normalize_in_float64(x64):
    result = normalize(jnp.array([[[[7]]]], jnp.uint8), (0.25,), (0.5,), jnp.float64)
    assert result.dtype == jnp.float64
    assert abs(result.item() - (7 / 255 - 0.25) / 0.5) < 1e-15


@pytest.mark.parametrize(
    "function",
    [
        lambda keys, images: pad_crop(keys, images, 2),
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
        (lambda: pad_crop(keys(3), GOOD, 1), ValueError, r"keys must be \(2,\).*got \(3,\)"),
        (lambda: pad_crop(keys(2), GOOD[0], 1), ValueError, r"images must be \(B, H, W, C\)"),
        (lambda: pad_crop(keys(2), GOOD, 4), ValueError, "from 0 to 3 for mode 'reflect'"),
        (lambda: pad_crop(keys(2), GOOD, -1), ValueError, "got -1"),
        (lambda: pad_crop(keys(2), GOOD, 1.5), TypeError, "padding must be an integer"),
        (lambda: pad_crop(keys(2), GOOD, 1, mode="mirror"), ValueError, "one of constant, edge"),
        (lambda: horizontal_flip(jnp.zeros(2), GOOD), TypeError, "keys must be typed keys"),
        (lambda: horizontal_flip(keys(2), GOOD, 1.5), ValueError, r"in \[0, 1\], got 1.5"),
        (lambda: normalize(GOOD / 255, (0.5,), (0.5,)), TypeError, "must be uint8, got float32"),
        (lambda: normalize(GOOD, (0.5, 0.5), (0.5,)), ValueError, "mean must be 3 finite"),
        (lambda: normalize(GOOD, (0.5,), (0.0,)), ValueError, "std must be > 0"),
        (lambda: normalize(GOOD, (0.5,), (0.5,), jnp.int32), TypeError, "dtype must be floating"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()
