import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxcnn.augment import affine_matrices, affine_warp, random_affine
from tests.augment.batch import keys, pixels

warp = jax.jit(affine_warp, static_argnames=("interpolation", "fill"))
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "nearest": Image.Resampling.NEAREST}
MOTIONS = {
    "angle": [0, 30, -100, 7, 0, 0, 12],
    "translate_x": [0, 0, 1, 2.3, 0, 0, -1],
    "translate_y": [0, 0, -2, 0, 1.5, 0, 2],
    "scale": [1, 1, 1.3, 0.7, 1, 1, 1.1],
    "shear_x": [0, 0, 0, 0.2, 0.4, 0, -0.3],
    "shear_y": [0, 0, 0, 0, 0, 0.3, 0.1],
    "flip": [True, False, True, False, False, False, True],
}


def motions():
    return {name: jnp.array(values) for name, values in MOTIONS.items()}


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_warp_is_pillows_transform(interpolation):
    images = pixels((7, 13, 16, 3))
    matrices = affine_matrices((13, 16), **motions())
    warped = np.asarray(warp(images, matrices, interpolation=interpolation, fill=(9, 8, 7)))
    for image, matrix, result in zip(images, np.asarray(matrices), warped, strict=True):
        expected = Image.fromarray(image).transform(
            (16, 13),
            Image.Transform.AFFINE,
            matrix.astype(float).ravel()[:6].tolist(),
            FILTERS[interpolation],
            fillcolor=(9, 8, 7),
        )
        difference = np.abs(result.astype(int) - np.asarray(expected))
        if interpolation == "bilinear":
            assert difference.max() <= 1  # Pillow cuts off where we round
        else:
            assert (difference > 0).mean() < 0.01  # points on an edge between two pixels


def test_matrices_are_the_inverse_of_the_motion(x64):
    """Composed forwards by hand: mirror, scale, shear, turn about the middle, move."""
    matrices = affine_matrices((13, 16), **motions())
    for index, matrix in enumerate(np.asarray(matrices)):
        m = {name: values[index] for name, values in MOTIONS.items()}
        turn = np.deg2rad(m["angle"])
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shear = np.array([[1, 0], [-m["shear_y"], 1]]) @ np.array([[1, -m["shear_x"]], [0, 1]])
        mirrored = np.diag([-1 if m["flip"] else 1, 1])
        linear = rotation @ shear @ mirrored * m["scale"]
        middle, point = np.array([8, 6.5]), np.array([3.0, 11.0])
        moved = linear @ (point - middle) + middle + [m["translate_x"], m["translate_y"]]
        np.testing.assert_allclose(matrix @ [*moved, 1], [*point, 1], atol=1e-6)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, jnp.bfloat16])
def test_quarter_turns_flips_and_whole_shifts_move_pixels_exactly(interpolation, dtype):
    image = pixels((1, 6, 6, 2)).astype(dtype)
    images = np.repeat(image, 4, 0)
    matrices = affine_matrices(
        (6, 6),
        angle=jnp.array([0, 90, 0, 0]),
        flip=jnp.array([False, False, True, False]),
        translate_y=jnp.array([0, 0, 0, 2]),
    )
    same, turned, mirrored, moved = np.asarray(warp(images, matrices, interpolation=interpolation))
    tolerance = 0 if dtype == np.uint8 else 1e-2
    for result, expected in (
        (same, image[0]),
        (turned, np.rot90(image[0], -1)),
        (mirrored, image[0][:, ::-1]),
        (moved, np.pad(image[0], ((2, 0), (0, 0), (0, 0)))[:6]),
    ):
        assert result.dtype == dtype
        np.testing.assert_allclose(
            result.astype(float), expected.astype(float), rtol=1e-5, atol=tolerance
        )


def test_shear_about_a_corner_leaves_it():
    matrix = affine_matrices((4, 4), shear_x=0.5, centre=(0, 0))[0]
    np.testing.assert_allclose(matrix[:2], [[1, 0.5, 0], [0, 1, 0]])


move = jax.jit(
    lambda keys, images, **options: random_affine(keys, images, **options),
    static_argnames=("degrees", "translate", "scale", "shear", "flip", "interpolation", "fill"),
)
ALL = {"degrees": 30, "translate": 0.1, "scale": (0.8, 1.2), "shear": 10, "flip": 0.5}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.slow
def test_each_amount_changes_the_image_and_none_does_not(name):
    images = pixels((8, 9, 9, 1), np.float32)
    np.testing.assert_array_equal(move(keys(8), images), images)
    changed = np.asarray(move(keys(8), images, **{name: ALL[name]}))
    assert (changed != images).any(axis=(1, 2, 3)).sum() >= (1 if name == "flip" else 8)


def test_mask_follows_the_image_and_each_key_decides_alone():
    images = np.where(pixels((6, 9, 9, 1)) > 99, 255, 0).astype(np.uint8)
    moved = np.asarray(move(keys(6), images, **ALL, interpolation="nearest"))
    mask = move(keys(6), images.astype(np.int32), **ALL, interpolation="nearest")
    np.testing.assert_array_equal(mask, moved)
    order = np.array([3, 1, 0, 5, 4, 2])
    shuffled = move(keys(6)[order], images[order], **ALL, interpolation="nearest")
    np.testing.assert_array_equal(shuffled, moved[order])


def test_amounts_fill_their_ranges():
    images = np.zeros((2000, 1, 11, 1), np.float32)
    images[:, :, 5] = 1
    moved = np.asarray(move(keys(2000), images, translate=0.4))
    middle = (moved[:, 0, :, 0] * np.arange(11)).sum(1)
    assert 0.5 < middle.min() < 0.8  # 5 - 4.4
    assert 9.2 < middle.max() < 9.5
    assert abs(middle.mean() - 5) < 0.2


GOOD = pixels((2, 4, 5, 3))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: affine_warp(GOOD, jnp.eye(3)[None]), ValueError, r"must have shape \(2, 3, 3\)"),
        (lambda: affine_warp(GOOD[0], jnp.eye(3)[None]), ValueError, r"must be \(B, H, W, C\)"),
        (
            lambda: affine_warp(GOOD.astype(int), jnp.stack([jnp.eye(3)] * 2)),
            TypeError,
            "must be uint8 or floating",
        ),
        (lambda: random_affine(keys(2), GOOD, degrees=-1), ValueError, "degrees=-1: must be"),
        (lambda: random_affine(keys(2), GOOD, scale=(2, 1)), ValueError, "scale=.*ascending"),
        (lambda: random_affine(keys(2), GOOD, fill=(1, 2)), ValueError, "fill=.*each channel"),
        (lambda: random_affine(keys(2), GOOD, translate=5), ValueError, "translate=5: must lie"),
        (
            lambda: random_affine(keys(2), GOOD, interpolation="cubic"),
            ValueError,
            "must be one of 'bilinear', 'nearest'",
        ),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()
