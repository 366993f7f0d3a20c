"""Arrays and objects that a program hands over."""

import numpy as np
import pytest

from train.config import Data
from train.data import splits_of
from train.errors import UserError


def arrays(n=40, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 6, 5, 3), np.uint8), np.arange(n) % classes


class Custom:
    """Somebody's own data set."""

    def __init__(self, n=40):
        self.images, self.targets = arrays(n)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return {"image": self.images[i], "label": self.targets[i]}


@pytest.mark.parametrize("cache_mb", [0, 1])
@pytest.mark.parametrize("given", [arrays(), Custom()], ids=["arrays", "object"])
def test_given_data(given, cache_mb):
    splits = splits_of(given, data=Data(cache_mb=cache_mb))
    assert splits.num_classes == 4
    assert splits.image_shape == (6, 5, 3)
    assert [len(p) for p in (splits.train, splits.val, splits.test)] == [28, 4, 8]
    images, labels = arrays()
    for part in (splits.train, splits.val, splits.test):
        for i in range(len(part)):
            position = int(part.name(i).split()[-1])
            np.testing.assert_array_equal(part[i]["image"], images[position])
            assert part[i]["label"] == labels[position]


def test_given_splits_are_kept():
    splits = splits_of(arrays(40), arrays(10), val=arrays(7), class_names=list("abcd"))
    assert [len(p) for p in (splits.train, splits.val, splits.test)] == [40, 7, 10]
    assert splits.class_names == ("a", "b", "c", "d")
    changed = arrays(40)
    changed[0][3, 0, 0, 0] ^= 1
    again = splits_of(changed, arrays(10), val=arrays(7), class_names=list("abcd"))
    assert again.fingerprint != splits.fingerprint


IMAGES, LABELS = arrays()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((IMAGES / 255, LABELS), "train images are float64.*uint8"),
        ((IMAGES[0], LABELS), "train labels|images"),
        ((IMAGES[:0], LABELS[:0]), "train images are uint8 .0"),
        ((IMAGES, LABELS[:-1]), r"train labels are int64 \(39,\)"),
        ((IMAGES, LABELS / 1), "train labels are float64"),
        ((IMAGES, LABELS - 1), r"train label 0 is -1 \(10 such labels\).*\[0, 4\)"),
        ((IMAGES, LABELS + 1), r"train label 3 is 4 \(10 such labels\).*\[0, 4\)"),
        ([], "train is list without examples"),
        (7, "train is int without examples"),
    ],
)
def test_bad_given_data(given, message):
    with pytest.raises(UserError, match=message):
        splits_of(given, class_names=list("abcd"))


def test_bad_objects():
    class Float(Custom):
        def __getitem__(self, i):
            return {"image": self.images[i] / 255, "label": 0}

    with pytest.raises(UserError, match=r"float64 \(6, 5, 3\); it must be uint8"):
        splits_of(Float(), class_names="ab")

    class OutOfRange(Custom):
        def __getitem__(self, i):
            return {"image": self.images[i], "label": 4}

    with pytest.raises(UserError, match=r"label of example 0 is 4; it must be in \[0, 2\)"):
        splits_of(OutOfRange(), class_names="ab")
