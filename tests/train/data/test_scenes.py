"""Scenes: functions of seed and number, of digits that no other split has."""

import numpy as np
import pytest

from train.config import Data
from train.data import eval_batches, load_splits, train_batches
from train.data.border import BorderWeights
from train.data.draws import Draws
from train.data.scenes import Scenes
from train.data.source import ArraySource
from train.errors import UserError

SCENES = Data("scenes:digits", image_size=32, cache_mb=0)


class Recorded(Scenes):
    """Scenes that note which digits they try."""

    def _placed(self, draws, number, taken):
        ink = super()._placed(draws, number, taken)
        if ink.any():
            seen.add(self.glyphs[0][number].tobytes())
        return ink


seen: set[bytes] = set()


@pytest.fixture(scope="module")
def splits():
    return load_splits(SCENES, 0, pixels=True)


def test_no_digit_of_a_test_scene_occurs_in_a_training_scene(splits):
    used, pools = {}, {}
    for name in ("train", "val", "test"):
        scenes = getattr(splits, name).examples
        pools[name] = {glyph.tobytes() for glyph in scenes.glyphs[0]}
        seen.clear()
        recorded = Recorded(scenes.digits, scenes.split, scenes.seed, scenes.size)
        for i in range(40):
            np.testing.assert_array_equal(recorded[i]["label"], scenes[i]["label"])
        used[name] = set(seen)
        assert len(seen) > 60
        assert seen <= pools[name]
    assert len(pools["train"] | pools["val"] | pools["test"]) == sum(map(len, pools.values()))
    assert not used["test"] & (used["train"] | used["val"])


def test_a_scene_is_a_function_of_seed_split_and_number(splits):
    again = load_splits(SCENES, 0, pixels=True)
    other = load_splits(SCENES, 1, pixels=True)
    assert splits.fingerprint == again.fingerprint != other.fingerprint
    for key in ("image", "label"):
        np.testing.assert_array_equal(splits.train[5][key], again.train[5][key])
    assert np.any(splits.train[5]["image"] != other.train[5]["image"])
    assert np.any(splits.train[5]["image"] != splits.train[6]["image"])


def test_classes_lie_on_their_digits(splits):
    """Most of a scene is background, every digit occurs, and ink differs from what is around."""
    assert splits.class_names == ("background", *"0123456789")
    assert splits.pixels
    images, masks, readable, _ = splits.train.gather(np.arange(60))
    assert images.shape == (60, 32, 32, 1)
    assert masks.dtype == np.int32
    assert readable.all()
    counts = np.bincount(masks.ravel(), minlength=11)
    assert len(counts) == 11
    assert counts.min() > 0
    assert 0.5 < counts[0] / masks.size < 0.9
    ink = masks > 0
    contrast = [abs(i[m].mean() - i[~m].mean()) for i, m in zip(images[..., 0], ink, strict=True)]
    assert np.mean(contrast) > 10


def test_batches_hold_masks_and_padding_counts_nowhere(splits):
    stream = train_batches(
        splits.train, batch_size=3, seed=0, weigh=BorderWeights(strength=10, sigma=5)
    )
    batch = next(stream)
    stream.close()
    assert batch["label"].shape == batch["weight"].shape == (3, 32, 32)
    assert batch["label"].dtype == np.int32
    assert batch["weight"].dtype == np.float32
    assert np.all(batch["weight"][batch["label"] > 0] == 1)
    few = ArraySource(*(np.zeros((5, 4, 4, 1), np.uint8), np.full((5, 4, 4), 255, np.uint8)))
    *_, last = eval_batches(few, batch_size=4)
    assert last["label"].shape == (4, 4, 4)
    assert last["mask"].tolist() == [True, False, False, False]


def test_draws_never_change():
    draws = Draws("scene", 1)
    np.testing.assert_allclose(draws.array(2), PINNED, rtol=1e-15)
    many = Draws(0).array(20_000)
    assert abs(many.mean() - 0.5) < 0.01
    assert many.min() >= 0
    assert many.max() < 1
    assert {Draws(i).integer(3, 5) for i in range(40)} == {3, 4, 5}


PINNED = [0.7128101659331019, 0.3489303222062028]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("digits", "unknown data.source of a segmentation 'digits'.*scenes:digits"),
        ("scenes", "write it as scenes:digits"),
        ("tfds:fashion_mnist:0.0.0", "is not prepared"),
    ],
)
def test_what_has_no_pixels(source, text, tmp_path):
    with pytest.raises(UserError, match=text):
        load_splits(Data(source, data_dir=str(tmp_path)), 0, pixels=True)
