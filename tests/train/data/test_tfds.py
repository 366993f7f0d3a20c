"""Prepared TFDS sets: read without TensorFlow; what is missing is said with the command."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from train.config import Data
from train.data import eval_batches, load_splits, train_batches
from train.data.tfds import labelled, open_tfds
from train.errors import UserError

SOURCE = "tfds:fashion_mnist"


def test_fashion_mnist(tfds_dir):
    splits = load_splits(Data(SOURCE, data_dir=tfds_dir, cache_mb=0), 0)
    assert [len(p) for p in (splits.train, splits.val, splits.test)] == [54000, 6000, 10000]
    assert splits.class_names[:2] == ("T-shirt/top", "Trouser")
    assert splits.image_shape == (28, 28, 1)
    assert np.bincount(splits.val.labels).tolist() == [600] * 10
    stream = train_batches(splits.train, batch_size=32, seed=0)
    batch = next(stream)
    stream.close()
    np.testing.assert_array_equal(batch["label"], splits.train.labels[batch["index"]])
    assert splits.train.name(int(batch["index"][0])).startswith("fashion_mnist train ")
    records = open_tfds("fashion_mnist", tfds_dir).train.records
    for row, index in enumerate(batch["index"][:4]):
        record = records[int(splits.train.indices[index])]
        np.testing.assert_array_equal(batch["image"][row], record["image"])


def test_resized_to_colour(tfds_dir):
    data = Data(SOURCE, data_dir=tfds_dir, cache_mb=0, val_fraction=0, image_size=20, channels=3)
    splits = load_splits(data, 0)
    assert splits.image_shape == (20, 20, 3)
    batch = next(iter(eval_batches(splits.test, batch_size=8)))
    assert batch["image"].shape == (8, 20, 20, 3)


@pytest.mark.slow
def test_without_tensorflow_at_run_time(tfds_dir):
    program = f"""
import sys
from train.config import Data
from train.data import load_splits, train_batches
splits = load_splits(Data({SOURCE!r}, data_dir={tfds_dir!r}, cache_mb=0), 0)
next(train_batches(splits.train, batch_size=8, seed=0))
assert "tensorflow_datasets" in sys.modules
assert "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@pytest.mark.parametrize("name", ["cifar10", "fashion_mnist:9.9.9", "fashion_mnist/config"])
def test_not_prepared(tmp_path, name, tfds_dir):
    for folder in (str(tmp_path), tfds_dir):
        with pytest.raises(UserError, match="is not prepared in") as error:
            load_splits(Data(f"tfds:{name}", data_dir=folder), 0)
        command = f"tfds build {name} --file_format=array_record --data_dir={folder}"
        assert command in str(error.value)


@pytest.fixture
def edited(tfds_dir, tmp_path):
    """A function that copies the set's description, edited, without its data."""

    def edit(file, old, new):
        target = tmp_path / "fashion_mnist" / "3.0.1"
        shutil.copytree(f"{tfds_dir}/fashion_mnist/3.0.1", target, ignore=lambda *_: DATA_FILES)
        text = (target / file).read_text()
        assert old in text
        (target / file).chmod(0o644)
        (target / file).write_text(text.replace(old, new))
        return Data(SOURCE, data_dir=str(tmp_path))

    return edit


DATA_FILES = [f"fashion_mnist-{s}.array_record-00000-of-00001" for s in ("train", "test")]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("dataset_info.json", '"array_record"', '"tfrecord"', "which needs TensorFlow.*tfds build"),
        (
            "dataset_info.json",
            '"name": "train"',
            '"name": "all"',
            "no examples in a split 'train', only all, test",
        ),
        ("features.json", '"label": {', '"caption": {', "not a set of images"),
        ("dataset_info.json", "60000", "60000", "train.array_record-00000-of-00001.* is missing"),
    ],
    ids=["format", "splits", "features", "no data"],
)
def test_sets_that_cannot_be_used(edited, file, old, new, message):
    with pytest.raises(UserError, match=re.compile(message, re.DOTALL)):
        load_splits(edited(file, old, new), 0)


def test_withheld_labels_are_no_test_split():
    assert labelled([{"label": -1}]) is None
    assert labelled([{"label": 0}]) == [{"label": 0}]


def test_name_that_is_none():
    with pytest.raises(UserError, match="not prepared"):
        load_splits(Data("tfds:../x"), 0)
