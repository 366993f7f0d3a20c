"""Filters, feature maps, top activations and embeddings against their plain definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import create_model, explain, features, summary
from tests.explain.networks import Small, made
from tests.marks import mostly_slow

RNG = np.random.default_rng(0)


class Flat(nn.Module):
    """A linear layer on all pixels, after a module without kernels."""

    @nn.compact
    def __call__(self, x):
        x = nn.LayerNorm(name="norm")(x)
        return nn.Dense(5, name="templates")(x.reshape(len(x), -1))


def batches_of(images, size):
    return [images[i : i + size] for i in range(0, len(images), size)]


@pytest.fixture(scope="module")
def small():
    model, variables, _ = made(Small())
    return model, variables, RNG.normal(size=(23, 8, 6, 2)).astype(np.float32)


def test_filters_are_the_kernel_with_the_filters_first(small):
    model, variables, images = small
    kernel = np.asarray(variables["params"]["conv1"]["kernel"])
    found = explain.filters(model, variables, images)
    assert found.shape == (4, 3, 3, 2)
    for i in range(4):
        np.testing.assert_array_equal(found[i], kernel[..., i])
    inner = explain.filters(model, variables, images, at="unit")
    np.testing.assert_array_equal(inner[2], variables["params"]["unit"]["conv"]["kernel"][..., 2])


def test_filters_of_a_linear_layer_are_templates():
    model, x = Flat(), jnp.ones((1, 4, 3, 2))
    variables = model.init(jax.random.key(0), x)
    found = explain.filters(model, variables, x)
    assert found.shape == (5, 4, 3, 2)
    scores = np.einsum(
        "fhwc,nhwc->nf", found, nn.LayerNorm().apply({"params": variables["params"]["norm"]}, x)
    )
    np.testing.assert_allclose(scores, model.apply(variables, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("at", "message"),
    [("conv", "nearest: 'conv1'"), ("head", "holds no kernel"), ("unit/conv9", "nearest")],
)
def test_filters_that_are_not_there(small, at, message):
    with pytest.raises(ValueError, match=message):
        explain.filters(*small, at=at)


def test_feature_maps_are_those_of_the_layer_the_strongest_first(small):
    model, variables, images = small
    expected = np.asarray(features(model, variables, images, "conv1")["conv1"])
    maps, channels = explain.feature_maps(model, variables, images, at="conv1")
    assert channels.tolist() == [[0, 1, 2, 3]] * 23
    np.testing.assert_array_equal(maps, np.moveaxis(expected, -1, 1))
    maps, channels = explain.feature_maps(model, variables, images, at="conv1", top=2)
    order = np.argsort(-expected.mean((1, 2)), axis=1)[:, :2]
    np.testing.assert_array_equal(channels, order)
    for n in (0, 22):
        for j in (0, 1):
            np.testing.assert_array_equal(maps[n, j], expected[n, ..., order[n, j]])
    with pytest.raises(ValueError, match="top=5: conv1 has 4 channels"):
        explain.feature_maps(model, variables, images, at="conv1", top=5)
    with pytest.raises(ValueError, match="head"):
        explain.feature_maps(model, variables, images, at="head")


UNITS = {
    "channels": [3, 0],
    "all": None,
    "directions": np.asarray(explain.random_directions(jax.random.key(1), 3, 4)),
}


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize(("size", "k"), [(5, 4), (23, 9), (7, 40)])
def test_streamed_top_activations_equal_a_full_sort(small, units, size, k):
    model, variables, images = small
    maps = np.asarray(features(model, variables, images, "conv1")["conv1"])
    weights = np.eye(4)[[3, 0]] if units == "channels" else np.eye(4)
    weights = UNITS[units] if units == "directions" else weights
    values = np.einsum("nhwc,uc->unhw", maps, weights)
    flat = values.reshape(*values.shape[:2], -1)
    order = np.argsort(-flat.max(2), axis=1, kind="stable")[:, :k]
    found = explain.top_activations(
        model, variables, batches_of(images, size), at="conv1", units=UNITS[units], k=k
    )
    np.testing.assert_array_equal(found.images, order)
    np.testing.assert_allclose(
        found.scores, np.take_along_axis(flat.max(2), order, 1), rtol=2e-6, atol=1e-6
    )
    for u in range(len(values)):
        for j, n in enumerate(order[u]):
            place = tuple(found.positions[u, j])
            assert values[u, n][place] == pytest.approx(values[u, n].max(), rel=2e-6)


def test_equal_activations_keep_the_first_images(small):
    model, variables, images = small
    same = np.repeat(images[:1], 9, 0)
    found = explain.top_activations(model, variables, batches_of(same, 4), at="conv1", k=3)
    assert found.images.tolist() == [[0, 1, 2]] * 4


def test_a_layer_without_maps_has_no_positions(small):
    model, variables, images = small
    logits = np.asarray(model.apply(variables, images))
    found = explain.top_activations(model, variables, batches_of(images, 8), at="head", k=2)
    assert found.positions.shape == (3, 2, 0)
    np.testing.assert_array_equal(found.images, np.argsort(-logits.T, axis=1)[:, :2])
    boxes = explain.receptive_boxes(model, variables, images, "head", found.positions)
    assert boxes.shape == (3, 2, 2, 2)
    assert (boxes == [[0, 8], [0, 6]]).all()


@pytest.mark.parametrize(
    ("batches", "options", "message"),
    [
        ([], {}, "holds no image"),
        ([np.ones((2, 8, 6, 2)), np.ones((3, 8, 6, 2))], {}, "at most 2 of them"),
        ([np.ones((2, 8, 6, 2)), np.ones((2, 8, 8, 2))], {}, "as in the first"),
        ([np.ones((2, 8, 6, 2), np.uint8)], {}, "floating-point"),
        ([np.full((2, 8, 6, 2), np.nan)], {}, "activations are NaN"),
        ([np.ones((2, 8, 6, 2))], {"units": [4]}, "must lie in 0 to 3"),
        ([np.ones((2, 8, 6, 2))], {"units": [[0.5, 1.0]]}, r"directions \(U, C\)"),
        ([np.ones((2, 8, 6, 2))], {"k": 0}, "k=0"),
        ([np.ones((2, 8, 6, 2))], {"at": "conv2"}, "nearest: 'conv1'"),
    ],
)
def test_top_activations_refuse_what_cannot_be_meant(small, batches, options, message):
    model, variables, _ = small
    batches = [batch.astype(np.float32) if batch.dtype == float else batch for batch in batches]
    with pytest.raises((ValueError, TypeError), match=message):
        explain.top_activations(model, variables, batches, **{"at": "conv1", **options})


def test_embeddings_stand_in_the_order_of_the_images(small):
    model, variables, images = small
    unit = np.asarray(features(model, variables, images, "unit")["unit"])
    whole = explain.embed(model, variables, batches_of(images, 10), at="unit")
    np.testing.assert_allclose(whole, unit.mean((1, 2)), rtol=1e-5)
    last = explain.embed(model, variables, batches_of(images, 4))
    np.testing.assert_allclose(last, unit.mean((1, 2)), rtol=1e-5, atol=1e-7)
    flat = explain.embed(model, variables, [images], at="unit", pool=False)
    np.testing.assert_allclose(flat, unit.reshape(23, -1), rtol=1e-5, atol=1e-7)


def test_a_network_without_kernels_has_no_last_layer():
    class Mean(nn.Module):
        def __call__(self, x):
            return x.mean((1, 2))

    with pytest.raises(ValueError, match="no layer of the network has a kernel"):
        explain.embed(Mean(), {}, [np.ones((1, 4, 4, 1), np.float32)])


class Stack(nn.Module):
    """Strides, asymmetric pads and pools, then a layer that sees more than the image."""

    dilation: int = 1

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(3, (5, 3), strides=(2, 1), padding=((3, 1), (0, 2)), name="first")(x)
        x = nn.max_pool(nn.relu(x), (3, 3), (2, 2), padding=((1, 0), (0, 1)))
        x = nn.Conv(4, (3, 3), kernel_dilation=self.dilation, name="wide")(x)
        y = nn.avg_pool(x, (2, 2), (2, 2))
        x = nn.Conv(2, (2, 2), name="last")(y)
        return nn.Dense(3, name="head")(x.mean((1, 2)))


class Gated(nn.Module):
    """A squeeze-and-excitation gate between convolutions."""

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(4, (3, 3), strides=2, name="conv")(x)
        x = x * nn.sigmoid(nn.Dense(4)(x.mean((1, 2), keepdims=True)))
        return nn.Conv(2, (3, 3), name="last")(x)


def seen(model, variables, shape, at):
    """Brute force: the bounding box of the pixels that, made NaN, make a position NaN."""
    pixels = [(row, column) for row in range(shape[0]) for column in range(shape[1])]
    images = np.zeros((len(pixels), *shape), np.float32)
    for n, (row, column) in enumerate(pixels):
        images[n, row, column] = np.nan
    broken = np.isnan(features(model, variables, images, at)[at]).any(-1)
    boxes = np.zeros((*broken.shape[1:], 2, 2), int)
    for place in np.ndindex(broken.shape[1:]):
        hit = np.array([p for n, p in enumerate(pixels) if broken[n][place]]).reshape(-1, 2)
        boxes[place] = [(side.min(), side.max() + 1) for side in hit.T] if len(hit) else 0
    return boxes


CASES = {
    "first": (Stack(), (15, 16, 2)),
    "wide": (Stack(), (15, 16, 2)),
    "last": (Stack(), (15, 16, 2)),
    "last:input": (Stack(), (15, 16, 2)),
    "pool2": (create_model("lenet5"), (16, 16, 1)),
    "pool1:input": (create_model("lenet5"), (16, 16, 1)),
}


@pytest.mark.parametrize("at", mostly_slow(CASES, ("last", "last:input")))
def test_boxes_are_what_a_broken_pixel_reaches(at):
    model, shape = CASES[at]
    x = jnp.zeros((1, *shape))
    variables = model.init(jax.random.key(0), x)
    expected = seen(model, variables, shape, at)
    places = np.moveaxis(np.indices(expected.shape[:2]), 0, -1)
    np.testing.assert_array_equal(
        explain.receptive_boxes(model, variables, x, at, places), expected
    )


@pytest.mark.parametrize(("dilation", "shape"), [(2, (15, 16, 2)), (1, (17, 14, 2))])
def test_boxes_that_end_in_padding_hold_what_is_seen_and_a_little_more(dilation, shape):
    model, x = Stack(dilation), jnp.zeros((1, *shape))
    variables = model.init(jax.random.key(0), x)
    expected = seen(model, variables, shape, "wide")
    places = np.moveaxis(np.indices(expected.shape[:2]), 0, -1)
    given = (model, variables, x, "wide", places)
    boxes, whole = explain.receptive_boxes(*given), explain.receptive_boxes(*given, clip=False)
    assert (boxes[..., 0] <= expected[..., 0]).all()
    assert (boxes[..., 1] >= expected[..., 1]).all()
    assert abs(boxes - expected).max() <= 3
    inside = (boxes == whole).all(-1)
    assert inside.any()
    np.testing.assert_array_equal(boxes[inside], expected[inside])


def test_boxes_without_clipping_are_of_one_size():
    model, x = Stack(), jnp.zeros((1, 17, 14, 2))
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    places = [[0, 0], [1, 2], [1, 0]]
    boxes = explain.receptive_boxes(model, variables, x, "last", places, clip=False)
    (row,) = {high - low for (low, high), _ in boxes.tolist()}
    (column,) = {high - low for _, (low, high) in boxes.tolist()}
    fields = {row.path: row.field for row in summary(model, x.shape).rows}
    assert (row, column) == fields["last"]


def test_a_gate_leaves_the_box_of_the_maps():
    model, x = Gated(), jnp.zeros((1, 16, 16, 1))
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    boxes = explain.receptive_boxes(model, variables, x, "last", [[2, 3], [0, 0]])
    assert boxes.tolist() == [[[2, 9], [4, 11]], [[0, 5], [0, 5]]]


@pytest.mark.parametrize(
    ("positions", "message"),
    [([[0]], "must be ints"), ([[0.5, 1]], "must be ints"), ([[0, 8]], "must lie within")],
)
def test_positions_that_do_not_fit(positions, message):
    model, x = Stack(), jnp.zeros((1, 17, 14, 2))
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    with pytest.raises(ValueError, match=message):
        explain.receptive_boxes(model, variables, x, "wide", positions)
