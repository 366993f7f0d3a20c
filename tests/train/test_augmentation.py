"""What happens to a training batch, and in which order."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import augment, losses
from train.augmentation import mixed, randomize, repeated
from train.batch_size import check_shares, in_force
from train.config import Augment, Config, Data, Loss, Optim
from train.errors import UserError
from train.objective import objective
from train.resizing import Sizes, make_sizes
from train.tasks import Classification

KEYS = augment.example_keys(jax.random.key(0), 0, jnp.arange(4))
IMAGES = jnp.asarray(np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8))


def batch_of(size: int) -> dict[str, jax.Array]:
    return {"label": jnp.arange(size), "mask": jnp.ones(size, bool)}


def test_repeated_examples_have_other_neighbours_and_stay_on_their_device():
    """Pairs are repeated: i and i ^ 1 differ, and a share of the batch gives that share."""
    whole = repeated(batch_of(8), 3)["label"]
    assert whole.tolist() == [
        0,
        1,
        0,
        1,
        0,
        1,
        2,
        3,
        2,
        3,
        2,
        3,
        4,
        5,
        4,
        5,
        4,
        5,
        6,
        7,
        6,
        7,
        6,
        7,
    ]
    half = repeated({"label": jnp.arange(4, 8)}, 3)["label"]
    assert half.tolist() == whole[12:].tolist()
    assert repeated(batch_of(8), 1)["label"].tolist() == list(range(8))


def test_without_any_switch_images_stay_as_they_are():
    assert randomize(Augment(), KEYS, IMAGES, (0.5,)) is IMAGES
    batch = {**batch_of(4), "image": IMAGES}
    assert mixed(Augment(), jax.random.key(0), jnp.int32(0), KEYS, batch, 5) is batch


@pytest.mark.parametrize("config", [Augment(), Augment(random_resized_crop=0.5)])
@pytest.mark.slow
def test_images_are_made_as_small_as_the_size(config):
    small = randomize(config, KEYS, IMAGES, (0.5,), 4)
    assert small.shape == (4, 4, 4, 3)
    assert small.dtype == jnp.uint8
    assert abs(float(small.mean()) - float(IMAGES.mean())) < 15


def test_an_erased_rectangle_has_the_mean_colour():
    config, mean = Augment(random_erasing=1.0), (0.2, 0.4, 0.8)
    erased = randomize(config, KEYS, IMAGES, mean)
    changed = np.asarray(erased)[np.any(erased != IMAGES, axis=-1)]
    assert len(changed) > 0
    assert np.all(changed == (51, 102, 204))


@pytest.mark.slow
def test_mixup_and_cutmix_take_turns():
    """One of them for the whole batch, by the step: both come up."""
    config, batch = Augment(mixup=1.0, cutmix=1.0), {**batch_of(4), "image": IMAGES}
    key, options = jax.random.key(0), {"num_classes": 4, "mask": batch["mask"]}
    mix = jax.jit(lambda step: mixed(config, key, step, KEYS, batch, 4)["image"])
    ways = [
        way(KEYS, IMAGES, batch["label"], alpha=1.0, **options)[0]
        for way in (augment.mixup, augment.cutmix)
    ]
    found = {
        next(i for i, way in enumerate(ways) if jnp.array_equal(mix(jnp.int32(n)), way))
        for n in range(8)
    }
    assert found == {0, 1}


LOGITS = jnp.array([[2.0, 0.0, -1.0], [0.5, 0.5, 0.0]])
TARGET = jnp.array([0, 2])
PLAIN = losses.cross_entropy(LOGITS, TARGET)
SMOOTH = losses.cross_entropy(LOGITS, TARGET, label_smoothing=0.2)
TEACHER = LOGITS[:, ::-1]


@pytest.mark.parametrize(
    ("config", "aux", "teacher", "expected"),
    [
        (Loss(), {}, None, PLAIN),
        (Loss(label_smoothing=0.2), {}, None, SMOOTH),
        (Loss("bce"), {}, None, losses.binary_cross_entropy(LOGITS, TARGET)),
        (Loss(aux_weight=0.4), {"aux1": {"logits": LOGITS}}, None, 1.4 * PLAIN),
        (Loss(), {"aux1": LOGITS, "aux2": LOGITS}, None, 1.6 * PLAIN),
        (
            Loss(distillation=0.25, temperature=3.0),
            {},
            TEACHER,
            0.75 * PLAIN + 0.25 * losses.distillation(LOGITS, TEACHER, temperature=3.0),
        ),
    ],
    ids=["plain", "smoothing", "bce", "aux", "two aux", "teacher"],
)
def test_the_parts_of_a_loss_add_up(config, aux, teacher, expected):
    found = objective(config, LOGITS, TARGET, aux, teacher)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_threshold_makes_classes_of_shares():
    shares = jnp.array([[0.7, 0.3, 0.0], [0.9, 0.0, 0.1]])
    found = objective(Loss("bce", bce_threshold=0.2), LOGITS, shares, {}, None)
    expected = losses.binary_cross_entropy(LOGITS, (shares > 0.2).astype(jnp.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


class Corner(nn.Module):
    """Takes the colour of the first pixel for the odds of three classes."""

    @nn.compact
    def __call__(self, x, train: bool = False):
        return x[:, 0, 0]


def test_two_views_are_averaged_by_their_odds():
    batch = {"image": IMAGES, "label": jnp.array([0, 1, 2, 0])}
    task = Classification(Corner(), (0.0,), (0.2,), Augment(test_flip=True))
    seen = task.prepare(IMAGES)
    odds = (jax.nn.softmax(seen[:, 0, 0]) + jax.nn.softmax(seen[:, 0, -1])) / 2
    found = task.predict({}, batch)
    np.testing.assert_allclose(found["top_probabilities"], jnp.sort(odds)[:, ::-1], rtol=1e-5)
    own = jnp.take_along_axis(odds, batch["label"][:, None], 1)[:, 0]
    np.testing.assert_allclose(found["losses"], -jnp.log(own), rtol=1e-4)


def config_of(batch: int, augment: Augment | None = None, **optim) -> Config:
    return Config(data=Data(batch_size=batch), augment=augment or Augment(), optim=Optim(**optim))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (config_of(24, Augment(mixup=0.2)), "3 example.*pairs.*multiple of 2"),
        (config_of(24, Augment(cutmix=1.0)), "multiple of 2"),
        (config_of(32, Augment(repeats=3)), "repeats 3 repeats pairs.*multiple of 6"),
        (config_of(32, accumulate=3), "accumulate 3.*equal parts.*multiple of 3"),
        (config_of(20), "data.batch_size is 20"),
    ],
)
def test_a_batch_that_cannot_be_dealt_out_is_refused(config, message):
    with pytest.raises(UserError, match="(?s)" + message):
        check_shares(config, 8)


def test_a_batch_may_be_given_by_device():
    config = dataclasses.replace(Config(), data=Data(per_device_batch_size=6))
    assert in_force(config, 8).data.batch_size == 48
    assert in_force(Config(), 8) == Config()


def test_sizes_follow_the_steps():
    config = Config(augment=Augment(sizes=("0 epochs: 4", "2 epochs: 6")))
    sizes = make_sizes(config, epoch=10, total=30)
    assert sizes == Sizes((0, 20), (4, 6))
    assert [sizes.at(step) for step in (1, 20, 21, 30)] == [4, 4, 6, 6]
    assert Sizes().at(7) == 0


@pytest.mark.parametrize(
    "sizes", [("1 epochs: 4",), ("0 epochs: 4", "0 steps: 6"), ("3 epochs: 4",)]
)
def test_sizes_that_cannot_be_meant_are_refused(sizes):
    with pytest.raises(UserError, match="augment.sizes"):
        make_sizes(Config(augment=Augment(sizes=sizes)), epoch=10, total=30)
