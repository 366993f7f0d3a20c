"""Evaluation preprocessing equals its references, for whatever is called an image."""

import io

import numpy as np
import pytest
from PIL import Image

from jaxcnn import images
from jaxcnn.images import ImageError, ImageTransform
from tests.images.transform_cases import FILE, HALF, IMAGENET, PRESETS, STEP

SMALL = ImageTransform(crop=8, resize=10)


@pytest.fixture(scope="module")
def golden():
    with np.load(FILE) as file:
        return dict(file)


def encoded(image: Image.Image, format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("image", ["landscape", "portrait"])
def test_it_equals_torchvision_to_the_last_bit(preset, image, golden):
    transform = ImageTransform(*PRESETS[preset])
    ours = transform(golden[image])
    assert ours.shape == (1, transform.crop, transform.crop, 3)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours[0, ::STEP, ::STEP], golden[f"{preset}/{image}"])


@pytest.mark.parametrize("image", ["landscape", "portrait"])
@pytest.mark.parametrize("size", [224, 240, 260, 280, 300])
def test_crop_first_is_the_crop_of_tensorflows_efficientnets(image, size, golden):
    mean, std = (127 / 255,) * 3, (128 / 255,) * 3
    ours = ImageTransform(size, size + 32, "bicubic", mean, std, crop_first=True)(golden[image])
    height, width, _ = golden[image].shape
    side = int(size / (size + 32) * min(height, width))
    top, left = (height - side + 1) // 2, (width - side + 1) // 2
    box = (left, top, left + side, top + side)
    middle = Image.fromarray(golden[image]).crop(box)
    theirs = (np.asarray(middle.resize((size, size), Image.Resampling.BICUBIC)) - 127.0) / 128.0
    np.testing.assert_allclose(ours[0], theirs, rtol=0, atol=1e-6)


def test_half_and_half_is_what_transform_input_makes_of_imagenets_normalisation(golden):
    crop = (24, 31, "bicubic")
    mean, std = np.array(IMAGENET)
    theirs = ImageTransform(*crop, *IMAGENET)(golden["landscape"])
    rescaled = theirs * (std / 0.5) + (mean - 0.5) / 0.5
    ours = ImageTransform(*crop, *HALF)(golden["landscape"])
    np.testing.assert_allclose(ours, rescaled, rtol=0, atol=1e-6)


def test_every_way_to_give_an_image_gives_the_same(golden, tmp_path):
    array = golden["landscape"]
    path = tmp_path / "image.png"
    Image.fromarray(array).save(path)
    with open(path, "rb") as file:
        ways = [array, path, str(path), path.read_bytes(), file, Image.fromarray(array)]
        results = [SMALL(way) for way in ways]
    assert all(np.array_equal(result, results[0]) for result in results)
    together = SMALL([array, path, golden["portrait"]])
    assert together.shape == (3, 8, 8, 3)
    np.testing.assert_array_equal(together[1], results[0][0])
    np.testing.assert_array_equal(SMALL(np.stack([array, array]))[1], results[0][0])


KINDS = {
    "grey": lambda image: image.convert("L"),
    "palette": lambda image: image.convert("P"),
    "alpha": lambda image: image.convert("RGBA"),
    "cmyk": lambda image: image.convert("CMYK"),
    "16-bit": lambda image: Image.fromarray(np.asarray(image)[..., 0].astype(np.uint16) * 257),
    "bilevel": lambda image: image.convert("1"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_kinds_of_pillow_images_are_as_read_from_a_file(kind, channels, golden):
    image = KINDS[kind](Image.fromarray(golden["landscape"]))
    transform = SMALL if channels == 3 else SMALL.grey()
    file = encoded(image, "TIFF")
    np.testing.assert_array_equal(transform(image), transform(file))
    assert transform(image).shape == (1, 8, 8, channels)
    pixels = images.read(file, mode="RGB" if channels == 3 else "L")
    np.testing.assert_array_equal(transform(pixels), transform(file))


def test_an_exif_orientation_is_undone(golden):
    image = Image.fromarray(golden["landscape"])
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(image.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    np.testing.assert_array_equal(SMALL(turned), SMALL(image))
    np.testing.assert_array_equal(SMALL(Image.open(io.BytesIO(turned))), SMALL(image))


def test_arrays_of_other_kinds(golden):
    array = golden["landscape"]
    grey = array[..., 0]
    np.testing.assert_array_equal(SMALL(grey), SMALL(grey[..., None]))
    np.testing.assert_array_equal(SMALL(grey.astype(np.uint16) * 257), SMALL(grey))
    opaque = np.concatenate([array, np.full_like(array[..., :1], 255)], axis=-1)
    np.testing.assert_array_equal(SMALL(opaque), SMALL(array))


def test_grey_takes_the_average_of_the_statistics():
    grey = SMALL.grey()
    assert grey.channels == 1
    np.testing.assert_allclose(grey.mean + grey.std, (0.449, 0.226))


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (np.zeros((8, 8, 3), np.float32), TypeError, "float32"),
        (7, TypeError, "int"),
        (np.zeros((3, 8, 8), np.uint8), ValueError, "come first"),
        (np.zeros((0, 8, 8, 3), np.uint8), ValueError, "empty"),
        ([], ValueError, "empty"),
        (b"no image", ImageError, "known format"),
        (Image.new("L", (20_000, 20_000)), ImageError, "max_pixels"),
    ],
)
def test_what_is_no_image_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        SMALL(given)


def test_a_truncated_pillow_image_is_refused(golden):
    data = encoded(Image.fromarray(golden["landscape"]), "PNG")[:900]
    with Image.open(io.BytesIO(data)) as image, pytest.raises(ImageError, match="truncated"):
        SMALL(image)


@pytest.mark.parametrize(
    "fields",
    [
        {"crop": 0},
        {"resize": 7},
        {"interpolation": "cubic"},
        {"mean": [0.5]},
        {"mean": (0.5,)},
        {"std": (0.2, 0.0, 0.2)},
    ],
)
def test_values_that_cannot_be_meant_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields)) + "|std"):
        ImageTransform(**{"crop": 8, "resize": 10} | fields)


def test_equal_transforms_hash_equal():
    assert len({SMALL, ImageTransform(8, 10), ImageTransform(8, 10, "bicubic")}) == 2
