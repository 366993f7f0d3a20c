"""Every kind of image file gives the pixels that a person sees, or one clear error."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from jaxcnn.images import ImageError, header, read

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
PHOTO = np.stack([RAMP, RAMP[::-1], 255 - RAMP], axis=-1)


def encode(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def png(width, height, depth, color, raw, *chunks):
    """A PNG written by hand, of kinds that Pillow cannot write."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(
    ("format", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("PPM", {}), ("WEBP", {"lossless": True})],
)
def test_lossless_formats_keep_every_pixel(format, options):
    np.testing.assert_array_equal(read(encode(Image.fromarray(PHOTO), format, **options)), PHOTO)


def test_jpeg_is_decoded_as_pillow_does():
    data = encode(Image.fromarray(PHOTO), "JPEG", quality=90)
    np.testing.assert_array_equal(read(data), np.array(Image.open(io.BytesIO(data))))


def test_path_bytes_and_file_give_the_same(tmp_path):
    data = encode(Image.fromarray(PHOTO))
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    with path.open("rb") as file:
        images = [read(path), read(str(path)), read(data), read(bytearray(data)), read(file)]
    for image in images:
        np.testing.assert_array_equal(image, PHOTO)
        assert image.flags.writeable
        assert image.flags.c_contiguous


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(PHOTO), format, exif=exif)
    expected = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    np.testing.assert_array_equal(read(data), expected)
    assert header(data) == (*expected.shape[:2], 3)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_damaged_exif_is_no_reason_to_refuse(exif):
    data = encode(Image.fromarray(PHOTO), "JPEG", quality=90)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    np.testing.assert_array_equal(read(data[:2] + segment + data[2:]), read(data))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr"])
def test_modes_as_pillow_shows_them(mode):
    image = Image.fromarray(PHOTO).convert(mode)
    format = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    expected = np.array(image.convert("RGB"))
    np.testing.assert_array_equal(read(encode(image, format)), expected)


def test_cmyk_jpeg_keeps_its_colours():
    red = Image.new("RGB", (16, 16), (230, 20, 20)).convert("CMYK")
    difference = read(encode(red, "JPEG", quality=95)).astype(int) - (230, 20, 20)
    assert np.abs(difference).max() <= 6


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_levels(format):
    values = np.linspace(0, 65535, 1000).round().astype(np.uint16).reshape(25, 40)
    image = read(encode(Image.fromarray(values), format), mode="L")
    np.testing.assert_array_equal(image[..., 0], np.rint(values / 257))
    assert len(np.unique(image)) == 256


def test_sixteen_bit_pgm():
    data = b"P5 3 1 65535\n" + struct.pack(">3H", 0, 32896, 65535)
    assert read(data, mode="L").ravel().tolist() == [0, 128, 255]


def test_sixteen_bit_colour():
    data = png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 0, 32896, 65535, 65535, 0, 257))
    assert read(data).tolist() == [[[0, 128, 255], [255, 0, 1]]]


def test_float_image():
    values = np.array([[0, 0.5, 1]], np.float32)
    assert read(encode(Image.fromarray(values), "TIFF"), mode="L").ravel().tolist() == [0, 128, 255]


@pytest.mark.parametrize("bad", [-0.1, 1.5, 255.0, np.nan, np.inf])
def test_float_image_of_unknown_range_is_refused(bad):
    values = np.array([[0, bad]], np.float32)
    with pytest.raises(ImageError, match="float values .* scale it to"):
        read(encode(Image.fromarray(values), "TIFF"))


def test_32_bit_image_is_refused():
    with pytest.raises(ImageError, match="32-bit integers"):
        read(encode(Image.fromarray(np.array([[0, 70000]], np.int32)), "TIFF"))


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (10, 200, 30)])
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_alpha_is_laid_over_the_background(background, format):
    alpha = np.array([[0, 64, 128, 255]], np.uint8)[..., None]
    color = np.array([200, 100, 50], np.uint8)
    rgba = np.concatenate([np.broadcast_to(color, (1, 4, 3)), alpha], -1)
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    image = read(encode(Image.fromarray(rgba), format, **options), background=background)
    share = alpha / 255
    expected = share * color + (1 - share) * np.array(background)
    assert np.abs(image - expected).max() <= 1


def test_transparent_palette_and_key_colours():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    assert read(encode(image, transparency=0)).tolist() == [[[255, 255, 255], [0, 255, 0]]]
    keyed = png(
        2, 1, 8, 2, b"\0" + bytes([9, 9, 9, 1, 2, 3]), (b"tRNS", struct.pack(">3H", 9, 9, 9))
    )
    assert read(keyed).tolist() == [[[255, 255, 255], [1, 2, 3]]]


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("I;16", 1), ("RGB", 3), ("P", 3)]
)
def test_auto_keeps_grey_grey(mode, channels):
    data = encode(Image.new(mode, (4, 3)))
    assert read(data, mode="auto").shape == (3, 4, channels)
    assert read(data, mode="RGB").shape == (3, 4, 3)
    assert read(data, mode="L").shape == (3, 4, 1)
    assert header(data).channels == channels


def test_grey_is_the_luma():
    np.testing.assert_array_equal(
        read(encode(Image.fromarray(PHOTO)), mode="L")[..., 0],
        np.array(Image.fromarray(PHOTO).convert("L")),
    )


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (read(data) == (255, 0, 0)).all()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_truncated_files_are_refused(tmp_path, format, share):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    data = encode(Image.fromarray(noise), format)
    path = tmp_path / "short.img"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImageError, match=r"short\.img is .*; (copy|convert|replace)"):
        read(path)


@pytest.mark.parametrize("side", [8000, 11000, 20000])
def test_bombs_are_refused_before_decoding(side, monkeypatch):
    """Some 10 kB that would become 200 MB and more; Pillow only warns, or says nothing."""
    raw = zlib.compress(b"\0" * 1000)
    data = png(side, side, 1, 0, raw)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageError, match="pixels.*make it smaller"):
        read(data)
    with pytest.raises(ImageError, match="pixels"):
        header(data)


def test_limit_is_inclusive_and_can_be_moved():
    data = encode(Image.fromarray(PHOTO))
    assert read(data, max_pixels=48).shape == (6, 8, 3)
    with pytest.raises(ImageError, match="8 x 6 pixels, more than max_pixels = 47"):
        read(data, max_pixels=47)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "not an image"), (b"<html></html>", "not an image"), (None, "does not exist")],
)
def test_other_files(tmp_path, content, reason):
    path = tmp_path / "photo.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=rf"photo\.jpg {reason}|photo\.jpg is {reason}"):
        read(path)


def test_folder_is_refused(tmp_path):
    with pytest.raises(ImageError, match="is a folder"):
        read(tmp_path)


def test_postscript_is_never_run():
    with pytest.raises(ImageError, match="not an image in a known format"):
        read(encode(Image.fromarray(PHOTO), "EPS"))


def test_mutated_files_raise_nothing_else():
    """Damage of every kind gives an image or an `ImageError`."""
    rng = np.random.default_rng(1)
    seeds = [
        encode(Image.fromarray(PHOTO), f) for f in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "PPM")
    ]
    refused = 0
    for n in range(600):
        data = bytearray(seeds[n % len(seeds)])
        for at in rng.integers(0, len(data), 1 + n % 7):
            data[at] = rng.integers(0, 256)
        try:
            assert read(data, max_pixels=10_000).dtype == np.uint8
        except ImageError:
            refused += 1
    assert 100 < refused < 600


@pytest.mark.parametrize(
    "options",
    [{"mode": "RGBA"}, {"background": (0, 0)}, {"background": (0, 0, 300)}, {"max_pixels": 0}],
    ids=str,
)
def test_meaningless_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        read(encode(Image.fromarray(PHOTO)), **options)
