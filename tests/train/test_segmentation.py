"""The segmentation task: exact counts on any number of devices, and one step for them all."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from scipy import ndimage

from jaxcnn import losses, metrics
from jaxcnn.layers import BatchNormConfig
from jaxcnn.models import UNet
from tests.augment.batch import keys
from train import parallel
from train.config import Augment, Config, Data, Loss, Model
from train.context import NONE, context_of
from train.data import eval_batches, splits_of
from train.data.border import BorderWeights, objects
from train.data.source import ArraySource
from train.errors import UserError
from train.evaluate import predictions
from train.pair_augmentation import randomize_pairs
from train.report.overlays import Labelled, overlay_sheet
from train.segmentation import Segmentation, pixel_loss
from train.setup import prepare
from train.state import create_state
from train.step import make_train_step

CLASSES, SIZE = 4, 8


class Encoded(nn.Module):
    """A network whose answer for a pixel is its brightness: no parameters."""

    num_classes: int = CLASSES

    @nn.compact
    def __call__(self, x, train: bool = False):
        return -((x - jnp.arange(CLASSES, dtype=x.dtype)[None, None, None]) ** 2)


def scenes(count, seed=0):
    draw = np.random.default_rng(seed)
    images = draw.integers(0, CLASSES, (count, SIZE, SIZE, 1), np.uint8)
    masks = draw.integers(0, CLASSES, (count, SIZE, SIZE), np.uint8)
    masks[:, 0] = 255
    return images, masks


def encoded() -> Segmentation:
    return Segmentation(Encoded(), (0.0,), (1 / 255,), Augment())


@pytest.mark.parametrize(("devices", "batch"), [(1, 8), (2, 8), (3, 9), (8, 16)])
def test_every_pixel_is_counted_once_on_any_number_of_devices(devices, batch):
    images, masks = scenes(19)
    mesh = parallel.make_mesh(devices)
    task = encoded()
    predict = parallel.spread_eval(task.predict, mesh, "shard_map")
    batches = eval_batches(ArraySource(images, masks), batch_size=batch)
    place = functools.partial(parallel.shard, mesh=mesh, kind="shard_map")
    result = task.judge(predictions(predict, {}, batches, place))
    expected = np.asarray(metrics.confusion_matrix(masks, images[..., 0], CLASSES))
    assert result.count == 19
    np.testing.assert_array_equal(result.confusion, expected)
    assert result.confusion.sum() == 19 * SIZE * (SIZE - 1)
    assert result.scores["miou"] == pytest.approx(float(metrics.mean_iou(expected)), rel=1e-6)
    assert result.indices.tolist() == list(range(19))


def small_task(**fields) -> Segmentation:
    axis = BatchNormConfig(axis_name=parallel.AXIS)
    model = UNet(num_classes=CLASSES, width=2, depth=1, padding=1, norm=axis)
    given = {"augment": Augment(), "loss": Loss(dice=0.5), **fields}
    return Segmentation(model, (0.5,), (0.25,), **given)


def take_step(task, devices, batch, optimizer):
    mesh = parallel.make_mesh(devices)
    state = parallel.replicate(create_state(task.model, optimizer, (SIZE, SIZE, 1), 0), mesh)
    step = parallel.spread_train(make_train_step(task, optimizer), mesh, "shard_map")
    return jax.device_get(step(state, parallel.shard(batch, mesh, "shard_map")))


@pytest.mark.slow
def test_eight_devices_take_the_step_of_one(x64):
    moving = Augment(flip=True, rotate=20, elastic=1.0, pad_crop=1)
    images, masks = scenes(16)
    batch = {
        "image": images * 80,
        "label": masks.astype(np.int32),
        "mask": np.arange(16) >= 3,
        "weight": np.random.default_rng(1).random((16, SIZE, SIZE), np.float32),
    }
    task = small_task(augment=moving)
    (one, first), (eight, last) = (
        take_step(task, devices, batch, optax.sgd(1.0)) for devices in (1, 8)
    )
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(eight.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert first["count"] == last["count"] == 13
    np.testing.assert_array_equal(first["confusion"], last["confusion"])
    assert first["finite"]
    figures = task.means({name: np.asarray(first[name]).tolist() for name in task.sums})
    assert 0 < figures["pixel_accuracy"] < 1
    assert figures["loss"] == pytest.approx(first["loss"] / 13)
    assert np.isnan(task.means({})["loss"])


LOSSES = {
    "cross_entropy": (Loss(), lambda z, y, w: losses.pixel_cross_entropy(z, y)),
    "smoothed": (
        Loss(label_smoothing=0.1),
        lambda z, y, w: losses.pixel_cross_entropy(z, y, label_smoothing=0.1),
    ),
    "focal": (
        Loss("focal", gamma=1.5),
        lambda z, y, w: losses.pixel_mean(losses.focal(z, y, gamma=1.5), y),
    ),
    "border": (Loss("border"), losses.pixel_cross_entropy),
    "dice": (Loss(dice=1.0), lambda z, y, w: losses.dice(z, y, absent=False)),
    "both": (
        Loss(dice=0.25),
        lambda z, y, w: (
            0.75 * losses.pixel_cross_entropy(z, y) + 0.25 * losses.dice(z, y, absent=False)
        ),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_is_the_one_of_the_config(name):
    config, expected = LOSSES[name]
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(2, 5, 5, CLASSES)).astype(np.float32)
    labels = draw.integers(0, CLASSES, (2, 5, 5), np.int32)
    weights = draw.random((2, 5, 5), np.float32) if name == "border" else None
    found = jax.jit(lambda *a: (pixel_loss(config, *a), expected(*a)))(logits, labels, weights)
    np.testing.assert_allclose(*found, rtol=1e-6)
    assert found[0].shape == (2,)


def test_image_mask_and_weights_move_alike():
    """All three say the same of a pixel before, and where they are flat also after."""
    blocks = np.random.default_rng(0).integers(0, 3, (4, 4, 4))
    masks = np.kron(blocks, np.ones((8, 8))).astype(np.int32)
    batch = {
        "image": (masks[..., None] * 100).astype(np.uint8),
        "label": masks,
        "weight": masks.astype(np.float32),
    }
    config = Augment(pad_crop=2, flip=True, rotate=30, zoom=0.3, translate=0.1, elastic=2.0)
    moved = jax.jit(lambda k, b: randomize_pairs(config, k, b))(keys(4), batch)
    image, label, weight = (np.asarray(moved[n]) for n in ("image", "label", "weight"))
    flat = np.stack([ndimage.maximum_filter(m, 3) == ndimage.minimum_filter(m, 3) for m in label])
    flat &= label != 255
    assert 0.2 < flat.mean() < 0.95
    assert (label != masks).mean() > 0.2
    np.testing.assert_array_equal(image[..., 0][flat], 100 * label[flat])
    np.testing.assert_allclose(weight[flat], label[flat], atol=1e-5)


def test_border_weights_of_a_batch_part_objects_of_one_class():
    mask = np.zeros((1, 9, 9), np.int32)
    mask[0, :, :3], mask[0, :, 5:], mask[0, 0, 0] = 2, 2, 255
    assert objects(mask[0]).max() == 2
    weights = BorderWeights(10, 5)(mask)
    np.testing.assert_allclose(weights[0, 4, 3:5], 1 + 10 * np.exp(-9 / 50), rtol=1e-6)
    assert np.all(weights[mask == 2] == 1)


@pytest.mark.slow
def test_valid_networks_see_a_mirrored_border():
    valid = UNet(depth=1, width=2, num_classes=CLASSES)
    pads = context_of(valid, (16, 12, 1))
    assert context_of(valid.clone(padding=1), (16, 12, 1)) == NONE
    task = Segmentation(valid, (0.0,), (1 / 255,), Augment(test_flip=True), context=pads)
    images = np.random.default_rng(0).integers(0, 9, (1, 16, 12, 1), np.uint8)
    shape = jax.eval_shape(task.prepare, images).shape
    variables = jax.jit(valid.init)(jax.random.key(0), np.zeros(shape, np.float32))
    seen, mirrored = (
        jax.jit(task.logits)(variables, x) for x in (images, images[:, :, ::-1].copy())
    )
    assert seen.shape == (1, 16, 12, CLASSES)
    np.testing.assert_allclose(seen, mirrored[:, :, ::-1], atol=1e-5)
    plain = dataclasses.replace(task, augment=Augment())
    # The result for a pixel is that of a window about it.
    whole = np.pad(images, ((0, 0), *pads, (0, 0)), mode="reflect").astype(np.float32)
    (top, _), (left, _), crop = *pads, 8
    window = whole[:, top + 4 - crop : top + 8 + crop, left + 4 - crop : left + 8 + crop]
    near = valid.apply(variables, window)
    np.testing.assert_allclose(
        plain.logits(variables, images)[:, 4:8, 4:8], near, rtol=1e-4, atol=1e-5
    )


def segmentation(**fields) -> Config:
    given = {"model": Model("unet_padded", fields={"width": 2, "depth": 1}), **fields}
    return Config(task="segmentation", data=Data(batch_size=8, eval_batch_size=8), **given)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (segmentation(model=Model("lenet5")), "cannot be built|a class for each pixel"),
        (segmentation(augment=Augment(random_erasing=0.5)), "--augment.random_erasing cannot be"),
        (segmentation(loss=Loss("bce")), "not for a segmentation: --loss.name bce"),
        (dataclasses.replace(segmentation(), task="classification"), "--task is classification"),
    ],
)
def test_what_does_not_fit(config, text):
    images, masks = (np.repeat(a, 3, 0) for a in scenes(12))
    with pytest.raises(UserError, match=text):
        prepare(config, splits=splits_of((images, masks), class_names="abcd"))


def test_a_classification_takes_no_motions():
    images, labels = scenes(30)[0], np.arange(30) % 3
    config = Config(
        model=Model("mlp"),
        data=Data(batch_size=8, eval_batch_size=8),
        augment=Augment(elastic=1.0),
        loss=Loss("focal"),
    )
    with pytest.raises(UserError, match="--augment.elastic; --loss.name focal"):
        prepare(config, splits=splits_of((images, labels)))


def test_overlays_show_four_pictures_a_row():
    images, masks = scenes(2)
    shown = [Labelled(i, images[i], masks[i], images[i, ..., 0], 0.5) for i in range(2)]
    picture = overlay_sheet(shown, "Samples")
    assert picture.ndim == 3
    assert picture.shape[1] > 4 * 150
