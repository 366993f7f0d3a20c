"""Digits, seeds of splits, and sources that do not exist."""

import numpy as np
import pytest

from train.config import Data
from train.data import load_splits
from train.errors import UserError


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    for seed in range(5):
        splits = load_splits(Data(), seed)
        rest, test = train_test_split(
            np.arange(1797), test_size=360, stratify=digits.target, random_state=seed
        )
        got = splits.test.gather(np.arange(360))
        np.testing.assert_array_equal(got.labels, digits.target[test])
        np.testing.assert_array_equal((got.images[..., 0] / 255 * 16).round(), digits.images[test])
        parts = [splits.train, splits.val, splits.test]
        assert [len(p) for p in parts] == [1293, 144, 360]
        assert sorted(p.name(i) for p in parts for i in range(len(p))) == sorted(
            f"digit {i}" for i in range(1797)
        )
    assert splits.image_shape == (8, 8, 1)
    assert splits.class_names == tuple("0123456789")


def test_split_seed_and_val_fraction():
    base, other, same = (
        load_splits(Data(split_seed=s), seed) for s, seed in ((-1, 3), (4, 3), (3, 9))
    )
    assert base.fingerprint == same.fingerprint != other.fingerprint
    assert load_splits(Data(val_fraction=0), 0).val is None


@pytest.mark.parametrize("name", ["val", "test"])
@pytest.mark.parametrize("fraction", [-0.1, 1.0, 1.5])
def test_impossible_fraction(name, fraction):
    with pytest.raises(UserError, match=rf"data\.{name}_fraction is {fraction}"):
        load_splits(Data(**{f"{name}_fraction": fraction}), 0)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("digit", "unknown data.source 'digit'; did you mean 'digits'"),
        ("digits:8", "write it as digits"),
        ("tfds", "write it as tfds:NAME"),
        ("folder:", "write it as folder:PATH"),
        ("", "unknown data.source"),
        ("http://x", "unknown data.source"),
    ],
)
def test_unknown_source(source, message):
    with pytest.raises(UserError, match=message):
        load_splits(Data(source), 0)


@pytest.mark.parametrize(("field", "value"), [("channels", 2), ("channels", 4), ("image_size", -1)])
def test_impossible_shape(field, value):
    with pytest.raises(UserError, match=rf"data\.{field} is {value}"):
        load_splits(Data(**{field: value}), 0)
