"""Colour maps, scales and what is drawn with them."""

import numpy as np
import pytest

from jaxcnn.images import Scale, around_grey, colorbar, colorize, overlay, scatter
from jaxcnn.images.colors import COLORMAPS

ENDS = {
    "viridis": [(68, 1, 84), (253, 231, 37)],
    "inferno": [(0, 0, 4), (252, 255, 164)],
    "blue_red": [(5, 48, 97), (103, 0, 31)],
    "grey": [(0, 0, 0), (255, 255, 255)],
}


@pytest.mark.parametrize("name", COLORMAPS)
def test_colors_have_their_ends_and_none_beyond(name):
    low, high = ENDS[name]
    found = colorize(np.array([-3.0, 0.0, 1.0, 9.0]), name)
    assert found.tolist() == [list(low), list(low), list(high), list(high)]
    assert colorbar(name, 7, 2)[1, [0, -1]].tolist() == [list(low), list(high)]


@pytest.mark.parametrize("name", ["viridis", "inferno", "grey"])
def test_sequential_colors_grow_lighter(name):
    light = colorize(np.linspace(0, 1, 300), name) @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(light) >= -0.6).all()


def test_diverging_colors_are_lightest_in_the_middle_and_even_on_both_sides():
    light = colorize(np.linspace(0, 1, 201), "blue_red") @ np.array([0.299, 0.587, 0.114])
    assert light.argmax() == 100
    assert (np.diff(light[:101]) >= -0.6).all()
    assert (np.diff(light[100:]) <= 0.6).all()


def test_a_signed_scale_has_zero_in_the_middle_and_clips_at_the_percentile():
    values = np.concatenate([np.linspace(-1, 1, 99), [50.0]])
    scale = Scale.of(values, percentile=90)
    end = np.percentile(np.abs(values), 90)
    assert (scale.low, scale.high, scale.colormap) == (-end, end, "blue_red")
    np.testing.assert_allclose(scale.unit(np.array([-9, 0, end / 2, 50])), [0, 0.5, 0.75, 1])
    assert scale(np.zeros(1)).tolist() == [[247, 247, 247]]
    assert str(scale) == f"white 0, colours to ±{end:.2g} (90th percentile)"


def test_an_unsigned_scale_begins_at_zero():
    scale = Scale.of(np.array([1.0, 2.0, 4.0]), percentile=100)
    assert (scale.low, scale.high, scale.colormap) == (0.0, 4.0, "viridis")
    assert str(scale) == "colours from 0 to 4"
    assert scale.unit(np.array([2.0])).tolist() == [0.5]
    assert not Scale.of(np.array([-1.0, 2.0]), signed=False).signed


def test_a_sparse_map_ends_at_its_largest_value():
    values = np.zeros(1000)
    values[7] = 3.0
    scale = Scale.of(values)
    assert (scale.high, scale.percentile) == (3.0, 100.0)
    assert scale.unit(values).max() == 1


@pytest.mark.parametrize("signed", [False, True])
def test_nothing_has_the_color_of_zero(signed):
    scale = Scale.of(np.zeros((2, 2)), signed=signed)
    assert str(scale) == "zero everywhere"
    expected = (247, 247, 247) if signed else (68, 1, 84)
    assert scale(np.zeros(1)).tolist() == [list(expected)]


def test_a_faded_overlay_leaves_the_image_where_the_map_says_nothing():
    image = np.full((4, 6, 3), 90, np.uint8)
    heat = np.zeros((4, 6))
    heat[:, :2] = 5.0
    laid = overlay(image, heat, scale=Scale.of(heat), fade=True, opacity=1.0)
    assert (laid[:, 4:] == 90).all()
    assert (laid[:, 0] == (253, 231, 37)).all()
    heat[:, 4:] = -5.0
    laid = overlay(image, heat, scale=Scale.of(heat), fade=True, opacity=1.0)
    assert (laid[:, 0] == (103, 0, 31)).all()
    assert (laid[:, 5] == (5, 48, 97)).all()


def test_around_grey_keeps_signs_and_balance():
    values = np.array([-1.0, -0.5, 0.0, 0.5, 2.0]).reshape(1, 5, 1)
    assert around_grey(values).ravel().tolist() == [64, 96, 128, 159, 255]
    assert around_grey(values, percentile=50).ravel().tolist() == [0, 0, 128, 255, 255]
    assert (around_grey(np.zeros((2, 2, 3))) == 128).all()


def test_points_lie_where_they_are_and_grow_upwards():
    images = [np.full((4, 4, 1), 50 * i, np.uint8) for i in range(4)]
    points = np.array([[0, 0], [2, 0], [0, 1], [2, 1]])
    picture = scatter(points, images, size=300, thumbnail=20)
    middles = {i: np.argwhere((picture == 50 * i).all(-1)).mean(0) for i in (1, 2, 3)}
    assert middles[1][0] > middles[3][0]
    assert middles[2][1] < middles[3][1]
    rise, run = middles[1][0] - middles[3][0], middles[3][1] - middles[2][1]
    assert run == pytest.approx(2 * rise, abs=2)


def test_images_are_asked_for_only_where_there_is_room():
    class Counted:
        asked = 0

        def __len__(self):
            return 500

        def __getitem__(self, index):
            Counted.asked += 1
            return np.zeros((8, 8, 3), np.uint8)

    points = np.random.default_rng(0).normal(size=(500, 2))
    picture = scatter(points, Counted(), labels=[i % 3 for i in range(500)], names="abc", size=400)
    assert 10 < Counted.asked < 90
    assert picture.shape[1] == 400
    assert picture.shape[0] > 400  # with the legend


def test_equal_points_have_a_place():
    assert scatter(np.ones((3, 2)), [np.zeros((2, 2, 1), np.uint8)] * 3).shape == (900, 900, 3)


BLANK = [np.zeros((2, 2, 1), np.uint8)]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: colorize(np.zeros(1), "jet"), "'jet'; it must be one of viridis"),
        (lambda: colorbar("grey", 0, 1), "must be >= 1"),
        (lambda: Scale.of(np.array([np.nan])), "finite"),
        (lambda: Scale.of(np.zeros(0)), "at least one"),
        (lambda: Scale.of(np.zeros(1), percentile=0), "percentile is 0"),
        (lambda: around_grey(np.zeros((2, 2, 2))), "C 1 or 3"),
        (lambda: around_grey(np.full((2, 2, 1), np.inf)), "finite"),
        (lambda: scatter(np.zeros((2, 2)), BLANK), "got 1 images"),
        (lambda: scatter(np.full((1, 2), np.nan), BLANK), "finite"),
        (lambda: scatter(np.zeros((1, 3)), BLANK), r"\(N, 2\)"),
        (lambda: scatter(np.zeros((1, 2)), BLANK, size=9), "size=9"),
    ],
)
def test_bad_input(call, text):
    with pytest.raises(ValueError, match=text):
        call()
