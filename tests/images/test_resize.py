"""Resizing equals Pillow's, and an own evaluation of its formula."""

import numpy as np
import pytest
from PIL import Image

from jaxcnn.images import resize, to_channels
from jaxcnn.images.resize import FILTERS

PHOTO = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("size", [(20, 30), (64, 64), (37, 10), (1, 1)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_equals_pillow(filter, size, channels):
    image = PHOTO[..., :channels]
    picture = Image.fromarray(image.squeeze(-1) if channels == 1 else image)
    expected = np.array(picture.resize(size[::-1], FILTERS[filter])).reshape(*size, channels)
    np.testing.assert_array_equal(resize(image, size, filter=filter), expected)


def triangle_weights(n_in, n_out):
    """Rows of the antialiased bilinear filter, in float64."""
    scale = n_in / n_out
    support = max(1.0, scale)
    centres = (np.arange(n_out) + 0.5) * scale
    distance = (np.arange(n_in) + 0.5 - centres[:, None]) / support
    weights = np.maximum(0, 1 - np.abs(distance))
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("size", [(20, 30), (50, 60), (5, 4)], ids=str)
def test_bilinear_follows_its_formula(size):
    rows, columns = (triangle_weights(*pair) for pair in zip(PHOTO.shape[:2], size, strict=True))
    expected = np.einsum("hH,wW,HWc->hwc", rows, columns, PHOTO.astype(float))
    # Two roundings to eight bits, one after each axis.
    assert np.abs(resize(PHOTO, size) - expected).max() <= 1.01


@pytest.mark.parametrize(
    ("shape", "expected"), [((37, 53), (20, 28)), ((53, 37), (28, 20)), ((20, 20), (20, 20))]
)
def test_int_is_the_shorter_side(shape, expected):
    assert resize(np.zeros((*shape, 3), np.uint8), 20).shape == (*expected, 3)


def test_same_size_is_a_copy():
    same = resize(PHOTO, PHOTO.shape[:2])
    np.testing.assert_array_equal(same, PHOTO)
    assert not np.shares_memory(same, PHOTO)


@pytest.mark.parametrize(
    ("image", "size", "options", "message"),
    [
        (PHOTO.astype(np.float32), 4, {}, "float32.*uint8"),
        ([[1]], 4, {}, "list.*numpy"),
        (PHOTO[..., 0], 4, {}, "shape .37, 53."),
        (PHOTO[..., :2], 4, {}, "shape"),
        (PHOTO[:0], 4, {}, "shape"),
        (PHOTO, 0, {}, "size is 0"),
        (PHOTO, (4, -1), {}, "size is"),
        (PHOTO, (4, 4, 3), {}, "size is"),
        (PHOTO, 4.5, {}, "size is 4.5"),
        (PHOTO, 4, {"filter": "linear"}, "filter is 'linear'.*bilinear"),
    ],
)
def test_bad_arguments(image, size, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        resize(image, size, **options)


def test_channels():
    grey = to_channels(PHOTO, 1)
    np.testing.assert_array_equal(grey[..., 0], np.array(Image.fromarray(PHOTO).convert("L")))
    np.testing.assert_array_equal(to_channels(to_channels(grey, 3), 1), grey)
    assert to_channels(PHOTO, 3) is PHOTO
    with pytest.raises(ValueError, match="channels is 4"):
        to_channels(PHOTO, 4)
