"""RandAugment and TrivialAugment against Pillow and the tables of torchvision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from jaxcnn.augment import example_keys, rand_augment, stream, trivial_augment
from jaxcnn.augment.operations import OPERATIONS, Space, apply
from jaxcnn.augment.rand_augment import draw
from jaxcnn.augment.trivial_augment import WIDE
from tests.augment.batch import keys, pixels

SIZE = (18, 20)
one = jax.jit(lambda *a: apply(*a, "nearest", 0.0))
random = jax.jit(rand_augment, static_argnames=("num_ops", "magnitude"))
trivial = jax.jit(trivial_augment)


def affine(*matrix):
    return lambda image: image.transform(
        image.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST
    )


# Amounts are powers of two where a point might else lie on the edge of two pixels.
PILLOW = {
    "identity": (0, lambda image: image),
    "shear_x": (0.25, affine(1, 0.25, 0, 0, 1, 0)),
    "shear_y": (-0.25, affine(1, 0, 0, -0.25, 1, 0)),
    "translate_x": (3.9, affine(1, 0, -3, 0, 1, 0)),
    "translate_y": (-2.9, affine(1, 0, 0, 0, 1, 2)),
    "rotate": (37.0, lambda image: image.rotate(-37)),
    "brightness": (0.5, lambda image: ImageEnhance.Brightness(image).enhance(1.5)),
    "saturation": (-0.5, lambda image: ImageEnhance.Color(image).enhance(0.5)),
    "contrast": (0.6, lambda image: ImageEnhance.Contrast(image).enhance(1.6)),
    "sharpness": (0.9, lambda image: ImageEnhance.Sharpness(image).enhance(1.9)),
    "posterize": (3, lambda image: ImageOps.posterize(image, 3)),
    "solarize": (99.5, lambda image: ImageOps.solarize(image, 99.5)),
    "autocontrast": (0, ImageOps.autocontrast),
    "equalize": (0, ImageOps.equalize),
}
EXACT = ("identity", "shear_x", "shear_y", "translate_x", "translate_y", "posterize", "solarize")


def test_every_operation_is_pillows():
    """Of dull images, whose histograms autocontrast and equalize must change; all at once."""
    assert tuple(PILLOW) == OPERATIONS
    images = (pixels((14, *SIZE, 3)).astype(int) ** 2 // 512 + 40).astype(np.uint8)
    amounts = jnp.array([amount for amount, _ in PILLOW.values()], jnp.float32)
    results = np.asarray(one(images, jnp.arange(14), amounts)).astype(int)
    for name, image, result in zip(OPERATIONS, images, results, strict=True):
        expected = np.asarray(PILLOW[name][1](Image.fromarray(image)))
        difference = np.abs(result - expected)
        if name in (*EXACT, "equalize"):
            assert difference.max() == 0, name
        elif name == "rotate":
            assert (difference > 0).mean() < 0.01
        else:
            assert difference.max() <= 2, name  # Pillow rounds the dull image too
        if name != "identity":
            assert (result != image).mean() > 0.2, name


def test_a_flat_image_has_no_contrast_to_stretch():
    images = np.full((14, *SIZE, 3), 77, np.uint8)
    for name in ("autocontrast", "equalize"):
        choice = jnp.full(14, OPERATIONS.index(name))
        np.testing.assert_array_equal(one(images, choice, jnp.zeros(14)), images)


COLUMNS = [0, 4, 9, 30]


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (
            Space(0.3, (150 / 331 * 30, 150 / 331 * 20), 30.0, 0.9, 4),
            {
                "shear_x": [0.0, 0.04, 0.09, 0.3],
                "translate_x": [0.0, 1.81269, 4.07855, 13.59517],
                "translate_y": [0.0, 1.20846, 2.71903, 9.06344],
                "rotate": [0.0, 4.0, 9.0, 30.0],
                "sharpness": [0.0, 0.12, 0.27, 0.9],
                "posterize": [8, 7, 7, 4],
                "solarize": [255.0, 221.0, 178.5, 0.0],
            },
        ),
        (
            WIDE,
            {
                "shear_y": [0.0, 0.132, 0.297, 0.99],
                "translate_x": [0.0, 4.26667, 9.6, 32.0],
                "rotate": [0.0, 18.0, 40.5, 135.0],
                "saturation": [0.0, 0.132, 0.297, 0.99],
                "posterize": [8, 7, 6, 2],
                "solarize": [255.0, 221.0, 178.5, 0.0],
            },
        ),
    ],
)
def test_amounts_are_those_of_torchvision(space, expected):
    """Bins 0, 4, 9 and 30 of 31, as torchvision 0.28 computes them for images of 20 by 30."""
    amounts = space.amounts(31)
    assert amounts.shape == (14, 31)
    for name, row in expected.items():
        np.testing.assert_allclose(amounts[OPERATIONS.index(name), COLUMNS], row, atol=1e-5)


def test_operations_signs_and_bins_are_equally_frequent():
    choice, sign, place = map(np.asarray, jax.jit(draw, static_argnums=1)(keys(7000), 7))
    for values, count in ((choice, 14), (place, 7)):
        counts = np.bincount(values, minlength=count)
        # Chi-square: 34.5 (13 degrees of freedom) is passed once in a thousand seeds.
        assert ((counts - 7000 / count) ** 2 / (7000 / count)).sum() < 34.5
    signed = np.isin(choice, range(1, 10))
    assert (sign[~signed] == 1).all()
    assert abs(sign[signed].mean()) < 0.06


@pytest.mark.parametrize("policy", [random, trivial], ids=["rand", "trivial"])
@pytest.mark.slow
def test_most_images_change_and_every_key_decides_alone(policy):
    images = pixels((14, *SIZE, 3))
    result = np.asarray(policy(keys(14), images))
    assert result.dtype == np.uint8
    assert (result != images).any(axis=(1, 2, 3)).mean() > 0.6
    order = np.random.default_rng(0).permutation(14)
    np.testing.assert_array_equal(policy(keys(14)[order], images[order]), result[order])
    other = jax.jit(example_keys)(jax.random.key(7), 1, np.arange(14))
    assert (policy(other, images) != result).any(axis=(1, 2, 3)).mean() > 0.6


def test_rounds_are_operations_one_after_another():
    images = pixels((14, *SIZE, 3))
    result = random(keys(14), images)
    amounts = Space(0.3, (150 / 331 * 20, 150 / 331 * 18), 30.0, 0.9, 4).amounts(31)[:, 9]
    rounds = jax.vmap(jax.random.split)(stream(keys(14), "rand_augment"))
    for index in range(2):
        choice, sign, _ = jax.jit(draw, static_argnums=1)(rounds[:, index], 31)
        images = one(images, choice, amounts[choice] * sign)
    np.testing.assert_array_equal(result, images)


GOOD = pixels((2, 4, 5, 3))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: rand_augment(keys(2), GOOD / 255), "images=.*must be uint8"),
        (lambda: rand_augment(keys(2), GOOD, magnitude=31), "magnitude=31: must be less than"),
        (lambda: rand_augment(keys(2), GOOD, num_ops=0), "num_ops=0: must be >= 1"),
        (lambda: trivial_augment(keys(2), GOOD, bins=1), "bins=1: must be >= 2"),
        (lambda: trivial_augment(keys(2), GOOD[..., :2]), "must have 1 or 3 channels"),
        (lambda: trivial_augment(keys(2), GOOD, fill=(1, 2)), "fill=.*each channel"),
    ],
)
def test_bad_input(call, text):
    with pytest.raises((ValueError, TypeError), match=text):
        call()
