"""Techniques on small networks: what must come back, what must fall, what must stay."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import create_model, features
from jaxcnn.synthesis import (
    caricature,
    class_model,
    dream,
    gram,
    invert,
    preset,
    style_transfer,
    texture,
    visualize,
)
from jaxcnn.synthesis.octaves import resized, sizes
from jaxcnn.synthesis.presets import PRESETS
from jaxcnn.taps import Channel, list_taps
from tests.explain.networks import Small, made

SHAPE = (2, 8, 8, 3)
LAYERS = {"content_at": "unit", "style_at": ["conv1", "unit"]}


@pytest.fixture(scope="module")
def small():
    model, variables, _ = made(Small(), SHAPE)
    return model, variables, jax.random.uniform(jax.random.key(2), SHAPE)


def random(seed, *shape):
    return jax.random.uniform(jax.random.key(seed), shape)


def test_the_input_itself_is_inverted_exactly(small):
    found = invert(*small, ":input", variation=0.0, steps=200, rate=0.05)
    np.testing.assert_allclose(found.images, small[2], atol=0.01)
    assert found.losses[-1].max() < 1e-3


def test_inversion_matches_a_layer_and_not_the_start(small):
    model, variables, x = small
    found = invert(model, variables, x, "unit", variation=0.0, steps=100, rate=0.05)
    there, here = (features(model, variables, y, "unit")["unit"] for y in (x, found.images))
    assert ((here - there) ** 2).sum() < 0.05 * (there**2).sum()
    smooth = invert(model, variables, x, "unit", variation=50.0, steps=100, rate=0.05)
    rough, even = (
        float(jnp.abs(jnp.diff(y, axis=1)).mean()) for y in (found.images, smooth.images)
    )
    assert even < 0.5 * rough


@pytest.mark.slow
def test_caricatures_go_farther_in_the_same_direction(small):
    model, variables, x = small
    found = caricature(model, variables, x, "unit", steps=40, looks=None)
    there, here = (features(model, variables, y, "unit")["unit"] for y in (x, found.images))
    along = (here * there).sum((1, 2, 3)) / (there**2).sum((1, 2, 3))
    assert (along > 1).all()


@pytest.mark.slow
def test_classes_and_channels_are_excited(small):
    model, variables, x = small
    classes = jnp.array([0, 2])
    before = model.apply(variables, x)[jnp.arange(2), classes]
    found = class_model(model, variables, classes, x, decay=0.0, steps=20)
    free = found.params  # beyond the box, which the images are not
    assert (model.apply(variables, free)[jnp.arange(2), classes] > before).all()
    assert np.abs(found.images).max() <= 1
    unit = Channel("unit", np.array([1, 4]))
    found = visualize(model, variables, unit, SHAPE, steps=40, looks=None)
    maps = features(model, variables, found.images, "unit")["unit"].mean((1, 2))
    start = features(model, variables, jnp.full(SHAPE, 0.5), "unit")["unit"].mean((1, 2))
    assert (maps[jnp.arange(2), unit.channel] > start[jnp.arange(2), unit.channel]).all()


@pytest.mark.slow
def test_dreams_excite_the_layer_at_each_octave(small):
    model, variables, _ = small
    x = random(0, 1, 24, 20, 3)
    found = dream(model, variables, x, "unit", octaves=3, ratio=1.5, least=12, steps=4, rate=0.02)
    assert found.images.shape == x.shape
    losses = found.losses.reshape(2, 4)  # the smallest octave has fewer than 12 pixels
    assert (losses[:, -1] < losses[:, 0]).all()
    awake = dream(model, variables, x, "unit", octaves=2, least=12, steps=0)
    np.testing.assert_allclose(awake.images, x, atol=1e-6)


def test_an_image_in_its_own_style_stays(small):
    model, variables, x = small
    found = style_transfer(model, variables, x, x, steps=3, **LAYERS)
    np.testing.assert_allclose(found.losses, 0, atol=1e-9)
    np.testing.assert_allclose(found.images, x, atol=1e-6)


@pytest.mark.slow
def test_style_is_taken_over_and_content_kept(small):
    model, variables, x = small
    style = random(7, 1, 12, 10, 3) * 0.3
    goal = gram(features(model, variables, style, "unit")["unit"])

    def far(images):
        mine = gram(features(model, variables, images, "unit")["unit"])
        return float(((mine - goal) ** 2).sum() / (goal**2).sum())

    how = {"relative": True, "steps": 60, "rate": 0.02, **LAYERS}
    loose = style_transfer(model, variables, x, style, style_weight=100.0, **how)
    tight = style_transfer(model, variables, x, style, style_weight=0.01, **how)
    assert far(loose.images) < 0.5 * far(x)
    assert far(loose.images) < far(tight.images)
    assert np.abs(tight.images - x).mean() < np.abs(loose.images - x).mean()
    made = texture(model, variables, style, "unit", SHAPE, relative=True, steps=100)
    assert far(made.images) < 0.3 * far(random(3, *SHAPE))


@pytest.mark.slow
def test_large_images_come_by_octaves_and_keep_their_colours(small):
    model, variables, _ = small
    content, style = random(0, 1, 64, 72, 3), random(1, 1, 40, 40, 3)
    how = {"octaves": 2, "steps": 2, "preserve_color": "luminance", **LAYERS}
    found = style_transfer(model, variables, content, style, **how)
    assert found.images.shape == content.shape
    assert found.losses.shape == (4, 1)


def test_octaves():
    assert sizes((1, 90, 60, 3), 4, 1.5, 24) == [(40, 27), (60, 40), (90, 60)]
    assert sizes((1, 8, 8, 3), 4, 1.5, 24) == [(8, 8)]
    x = random(0, 1, 9, 8, 3)
    np.testing.assert_allclose(resized(x, (9, 8)), x, atol=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_name_layers_that_are_there(name):
    known = preset(name)
    there = list_taps(create_model(name), (1, 64, 64, 3))
    for place in (*known.content_at, *known.style_at, known.dream_at):
        assert len(there[place].shape) == 4, place


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"style": jnp.zeros((1, 8, 8, 1))}, "has 1 channels, and content 3"),
        ({"style": jnp.zeros((8, 8, 3))}, "use x[None]"),
        ({"style": jnp.zeros((3, 8, 8, 3))}, "holds 3 images, and content 2"),
        ({"style": jnp.zeros((1, 8, 8, 3), jnp.uint8)}, "give pixels / 255"),
        ({"content_at": "unit2"}, "nearest: 'unit'"),
        ({"style_at": []}, "must name a layer"),
        ({"style_weight": [1.0]}, "2 of them, one for each layer"),
        ({"style_weight": -1.0}, "must be a number >= 0"),
        ({"preserve_color": "yes"}, "'luminance', 'match' or None"),
        ({"start": jnp.zeros((1, 8, 8, 3))}, "must have the shape of content"),
        ({"octaves": 0}, "octaves=0: must be >= 1"),
    ],
)
def test_errors_name_what_is_wrong(small, change, message):
    model, variables, x = small
    given = {"content": x, "style": x, "steps": 1, **LAYERS, **change}
    with pytest.raises((ValueError, TypeError)) as error:
        style_transfer(model, variables, **given)
    assert message in str(error.value)


@pytest.mark.parametrize("technique", [invert, caricature])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"at": []}, "must name a layer"),
        ({"at": "unit2"}, "nearest: 'unit'"),
        ({"x": jnp.full((1, 8, 8, 3), 2.0)}, "must lie in [0, 1]"),
        ({"variation": -1.0}, "TotalVariation.weight=-"),
    ],
)
def test_errors_of_what_matches_features(small, technique, change, message):
    model, variables, x = small
    given = {"x": x, "at": "unit", "steps": 1, **change}
    with pytest.raises((ValueError, TypeError)) as error:
        technique(model, variables, **given)
    assert message in str(error.value)


def test_there_are_few_presets():
    with pytest.raises(ValueError, match="name layers yourself"):
        preset("resnet50")
