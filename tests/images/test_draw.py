import numpy as np
import pytest
from PIL import ImageFont

from jaxcnn.images import colorize, fit, grid, overlay, sheet
from jaxcnn.images.draw import shortened

RNG = np.random.default_rng(0)


def image(height, width, channels=1):
    return RNG.integers(0, 200, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width", "factor"), [(8, 8, 4), (5, 9, 3), (32, 1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_small_images_grow_by_whole_pixels(height, width, factor, channels):
    original = image(height, width, channels)
    square = fit(original, 32)
    top, left = (32 - factor * height) // 2, (32 - factor * width) // 2
    inner = square[top:, left:][: factor * height : factor, : factor * width : factor]
    np.testing.assert_array_equal(inner, np.broadcast_to(original, inner.shape))
    assert (square == 255).all(axis=-1).sum() == 32 * 32 - factor**2 * height * width


@pytest.mark.parametrize("shape", [(100, 50, 3), (3, 400, 1), (400, 3, 1)])
def test_large_images_shrink_with_their_proportions(shape):
    square = fit(np.zeros(shape, np.uint8), 40)
    dark = (square == 0).all(axis=-1)
    scale = 40 / max(shape)
    assert dark.any(axis=1).sum() == max(1, round(shape[0] * scale))
    assert dark.any(axis=0).sum() == max(1, round(shape[1] * scale))


def test_grid_places_images_row_by_row():
    images = [np.full((4, 4, 1), i, np.uint8) for i in range(5)]
    picture = grid(images, columns=2, gap=1, background=(9, 9, 9))
    assert picture.shape == (16, 11, 3)
    assert picture[2::5, 2::5, 0].tolist() == [[0, 1], [2, 3], [4, 9]]
    assert (picture[::5] == 9).all()


def test_grid_of_mixed_sizes_and_channels():
    assert grid([image(4, 6, 3), image(9, 2), image(20, 20)], cell=10).shape == (26, 26, 3)


def test_sheet_writes_captions_below_images_in_their_color():
    images = [image(8, 8)] * 3
    plain = sheet(images, [[""]] * 3, columns=3, cell=64)
    red = sheet(images, [["one"], [""], ["a very long name of a class"]], columns=3, cell=64,
                colors=[(255, 0, 0)] * 3)  # fmt: skip
    assert plain.shape == red.shape
    rows, columns = np.nonzero((plain != red).any(axis=-1))
    assert rows.min() >= 12 + 64
    assert not ((columns >= 88) & (columns < 164)).any()
    inside = ((columns >= 12) & (columns < 76)) | ((columns >= 164) & (columns < 229))
    assert inside.all()
    assert (red[rows, columns, 0] > 200).all()


def test_sheet_title_stands_above():
    images, captions = [image(8, 8)] * 4, [["a", "b"]] * 4
    assert sheet(images, captions, title="T").shape[0] > sheet(images, captions).shape[0]


@pytest.mark.parametrize("width", [0, 20, 60, 1000])
def test_shorten_fits(width):
    font = ImageFont.load_default(12)
    text = shortened("Brassica oleracea", width, font)
    assert font.getlength(text) <= max(width, font.getlength("..."))
    assert text == "Brassica oleracea" or text.endswith("...")


def test_colors_grow_lighter():
    light = colorize(np.linspace(-1, 2, 300)) @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(light) >= -0.6).all()
    assert light[0] < 40
    assert light[-1] > 200


def test_overlay_mixes():
    original, heat = image(6, 8, 3), np.outer(np.arange(3), np.arange(4))
    np.testing.assert_array_equal(overlay(original, heat, opacity=0.0), original)
    only_heat = overlay(original, heat, opacity=1.0)
    assert tuple(only_heat[0, 0]) == (68, 1, 84)
    half = overlay(original, heat).astype(int)
    assert (abs(half - (original.astype(int) + only_heat) / 2) <= 1).all()
    assert (overlay(original, np.ones((2, 2)), opacity=1.0) == (68, 1, 84)).all()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: fit(np.zeros((4, 4, 1)), 8), TypeError, "uint8"),
        (lambda: fit(image(4, 4), 0), ValueError, "size is 0"),
        (lambda: grid([]), ValueError, "images is empty"),
        (lambda: grid([image(4, 4)], columns=0), ValueError, "columns is 0"),
        (lambda: sheet([image(4, 4)], []), ValueError, "0 captions"),
        (lambda: sheet([image(4, 4)], [["a"]], cell=3), ValueError, "cell=3"),
        (lambda: colorize(np.array([np.nan])), ValueError, "NaN"),
        (lambda: overlay(image(4, 4), np.zeros((2, 2, 1))), ValueError, r"\(2, 2, 1\)"),
        (lambda: overlay(image(4, 4), np.full((2, 2), np.inf)), ValueError, "finite"),
        (lambda: overlay(image(4, 4), np.zeros((2, 2)), opacity=2), ValueError, "opacity is 2"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()
