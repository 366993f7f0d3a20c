"""What every kind of source gives, and what it says of bad input."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxcnn import images
from train.config import Data
from train.data import load_splits, splits_of
from train.errors import UserError


def read_all(splits):
    for part in (splits.train, splits.val, splits.test):
        part.gather(np.arange(len(part)))


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


@pytest.mark.parametrize("size", [0, 6])
@pytest.mark.parametrize("channels", [0, 1, 3])
@pytest.mark.parametrize("cache_mb", [0, 64])
def test_folder(folder, size, channels, cache_mb):
    data = Data(f"folder:{folder}", image_size=size, channels=channels, cache_mb=cache_mb)
    splits = load_splits(data, 0)
    assert splits.class_names == ("cat", "dog", "eel")
    assert splits.image_shape == ((size or 12), (size or 10), (channels or 3))
    assert [len(p) for p in (splits.train, splits.val, splits.test)] == [21, 3, 6]
    assert splits.train.in_memory == (cache_mb > 0)
    names = set()
    for part in (splits.train, splits.val, splits.test):
        counts = np.bincount(part.labels)
        assert counts.max() == counts.min()
        for i in range(len(part)):
            example = part[i]
            expected = images.read(part.name(i), mode="L" if channels == 1 else "RGB")
            if size:
                expected = images.resize(expected, (size, size))
            np.testing.assert_array_equal(example["image"], expected)
            assert f"/{splits.class_names[example['label']]}/" in part.name(i)
            names.add(part.name(i))
    assert len(names) == 30


def test_grey_folder_stays_grey(tmp_path, save):
    for name in "ab":
        for i in range(8):
            save(tmp_path / name / f"{i}.png", seed=i, channels=1)
    splits = load_splits(Data(f"folder:{tmp_path}", val_fraction=0), 0)
    assert splits.image_shape == (12, 10, 1)


def test_a_colour_image_among_probed_grey_ones_is_refused(tmp_path, save, monkeypatch):
    monkeypatch.setattr("train.data.files.PROBES", 2)
    for name in "ab":
        for i in range(8):
            save(tmp_path / name / f"{i}.png", channels=3 if (name, i) == ("a", 5) else 1)
    with pytest.raises(UserError, match=r"a/5.png is a colour image.*--data.channels 3"):
        load_splits(Data(f"folder:{tmp_path}"), 0)
    for channels in (1, 3):
        splits = load_splits(Data(f"folder:{tmp_path}", channels=channels, val_fraction=0), 0)
        assert splits.image_shape[-1] == channels


def test_folder_with_its_own_splits(folder, tmp_path, save):
    root = tmp_path / "own"
    shutil.copytree(folder, root / "train")
    save(root / "valid" / "dog" / "deep" / "x.png")
    save(root / "test" / "eel" / "y.png")
    save(root / "test" / "cat" / "z.png")
    splits = load_splits(Data(f"folder:{root}"), 0)
    assert [len(p) for p in (splits.train, splits.val, splits.test)] == [30, 1, 2]
    assert splits.val.labels.tolist() == [1]
    assert splits.test.labels.tolist() == [0, 2]


def test_a_class_called_train(tmp_path, save):
    for name in ("train", "plane"):
        for i in range(8):
            save(tmp_path / name / f"{i}.png", seed=i)
    assert load_splits(Data(f"folder:{tmp_path}", val_fraction=0.2), 0).class_names == (
        "plane",
        "train",
    )


def test_links_and_hidden_files(folder):
    os.symlink(folder / "cat", folder / "cat" / "again")
    os.symlink(folder / "dog" / "00.jpg", folder / "cat" / "link.jpg")
    (folder / ".cache").mkdir()
    (folder / "cat" / ".DS_Store").write_bytes(b"x")
    (folder / "cat" / "notes.txt").write_text("no image")
    splits = load_splits(Data(f"folder:{folder}"), 0)
    assert sum(len(p) for p in (splits.train, splits.val, splits.test)) == 31


def test_fingerprint_notices_changes_and_ignores_how_it_is_read(folder, save):
    data = Data(f"folder:{folder}")
    before = load_splits(data, 0).fingerprint
    assert load_splits(Data(f"folder:{folder}", cache_mb=0), 0).fingerprint == before
    assert load_splits(Data(f"folder:{folder}", image_size=8), 0).fingerprint != before
    assert load_splits(data, 1).fingerprint != before
    moved = folder.rename(folder.with_name("moved"))
    assert load_splits(Data(f"folder:{moved}"), 0).fingerprint == before
    save(moved / "cat" / "00.png", seed=77, height=12, width=10)
    assert load_splits(Data(f"folder:{moved}"), 0).fingerprint != before


def write_list(root, lines, name="list.csv"):
    file = root / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("named", [True, False])
def test_list(folder, named):
    labels = {"cat": "cat", "dog": "dog", "eel": "eel"}
    if not named:
        labels = {"cat": "2", "dog": "0", "eel": "1"}
    paths = sorted(p.relative_to(folder) for p in folder.rglob("*.*"))
    lines = ["path,label", *(f'"{p}", {labels[p.parts[0]]}' for p in paths)]
    splits = load_splits(Data(f"list:{write_list(folder, lines)}"), 0)
    assert splits.class_names == (("cat", "dog", "eel") if named else ("0", "1", "2"))
    assert [len(p) for p in (splits.train, splits.val, splits.test)] == [21, 3, 6]
    for i in range(21):
        name = splits.train.name(i).split("/")[-2]
        assert splits.class_names[splits.train.labels[i]] == labels[name]


def test_list_with_splits(folder):
    lines = ["label,split,path"]
    for i in range(10):
        split = "test" if i > 7 else "Validation" if i > 6 else "train"
        lines += [f"c,{split},cat/{i:02d}.png", f"d,{split},dog/{i:02d}.jpg"]
    splits = load_splits(Data(f"list:{write_list(folder, lines)}"), 0)
    assert [len(p) for p in (splits.train, splits.val, splits.test)] == [14, 2, 4]


GOOD = ["cat/00.png,0", "dog/00.jpg,1"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1 is ''.*path,label"),
        (GOOD, r"line 1 is 'cat/00.png,0'.*path,label"),
        (["path,class", *GOOD], "line 1 is 'path,class'"),
        (["path,label,path", *GOOD], "line 1"),
        (["path,label"], "lists no images"),
        (["path,label", *GOOD, "cat/01.png"], "line 4: 1 fields, expected 2"),
        (["path,label", *GOOD, "", "cat/01.png,"], "line 5: empty label"),
        (["path,label", ",1", *GOOD, "a,b,c"], "line 2: empty path; line 5: 3 fields"),
        (["path,label,split", "cat/00.png,0,trian"], "line 2: split 'trian', expected train"),
        (["path,label,split", "cat/00.png,0,test"], "no images with split 'train'"),
        (["path,label", *GOOD, 'cat/01.png,"1'], "line 4"),
        (["path,label", *GOOD, "cat/no.png,1"], "line 4: cat/no.png is not a file"),
        (["path,label", *GOOD, "cat,1"], "line 4: cat is not a file"),
        (["path,label", *GOOD, "cat/01.png,-1"], "line 4: label -1 is out of range"),
        (["path,label", *GOOD, "cat/01.png,7"], "line 4: label 7 is out of range"),
        (["path,label", "cat/00.png,1", "cat/01.png,1"], "no training images of class 0"),
        (["path,label", "cat/00.png,0", "cat/01.png,0"], "only one class"),
        (["path,label", "cat/00.png,a", "cat/01.png,a"], "only one class"),
        (["path,label", *[f"cat/no{i}.png,1" for i in range(9)]], "line 6.*and 4 more"),
    ],
)
def test_malformed_list(folder, lines, message):
    with pytest.raises(UserError, match=message) as error:
        load_splits(Data(f"list:{write_list(folder, lines)}"), 0)
    assert "list.csv" in str(error.value)


def test_list_that_is_no_text(folder):
    with pytest.raises(UserError, match="not UTF-8"):
        load_splits(Data(f"list:{folder / 'cat' / '00.png'}"), 0)
    with pytest.raises(UserError, match="does not exist"):
        load_splits(Data(f"list:{folder / 'no.csv'}"), 0)
    with pytest.raises(UserError, match="cannot read.*give a CSV file"):
        load_splits(Data(f"list:{folder}"), 0)


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


def test_missing_folder_and_empty_class(folder, tmp_path):
    with pytest.raises(UserError, match=r"nowhere does not exist .*PATH/CLASS"):
        load_splits(Data(f"folder:{tmp_path / 'nowhere'}"), 0)
    with pytest.raises(UserError, match=r"00\.png is not a folder"):
        load_splits(Data(f"folder:{folder / 'cat' / '00.png'}"), 0)
    with pytest.raises(UserError, match="has 0 class folders.*at least two"):
        load_splits(Data(f"folder:{folder / 'cat'}"), 0)
    (folder / "fox").mkdir()
    (folder / "gnu").mkdir()
    (folder / "gnu" / "notes.txt").touch()
    with pytest.raises(UserError, match=r"no images .*pets/fox, .*pets/gnu; add some"):
        load_splits(Data(f"folder:{folder}"), 0)


def test_val_class_that_training_lacks(folder, tmp_path, save):
    shutil.copytree(folder, tmp_path / "own" / "train")
    save(tmp_path / "own" / "val" / "yak" / "x.png")
    with pytest.raises(UserError, match="training folder lacks: yak"):
        load_splits(Data(f"folder:{tmp_path / 'own'}"), 0)


def test_two_names_for_one_split(folder, tmp_path):
    for name in ("train", "val", "valid"):
        shutil.copytree(folder, tmp_path / "own" / name)
    with pytest.raises(UserError, match="val and valid, which mean the same"):
        load_splits(Data(f"folder:{tmp_path / 'own'}"), 0)


@pytest.mark.parametrize("cache_mb", [0, 64])
def test_different_sizes(folder, save, cache_mb):
    save(folder / "dog" / "wide.png", height=12, width=30)
    data = Data(f"folder:{folder}", cache_mb=cache_mb, on_error="skip")
    with pytest.raises(UserError, match=r"cat/00.png is 12 x 10.*wide.png is 12 x 30.*image_size"):
        read_all(load_splits(data, 0))
    splits = load_splits(Data(f"folder:{folder}", image_size=9, cache_mb=cache_mb), 0)
    assert splits.image_shape == (9, 9, 3)


def test_too_few_examples_to_split(tmp_path, save):
    for name, count in (("a", 5), ("b", 1)):
        for i in range(count):
            save(tmp_path / name / f"{i}.png")
    with pytest.raises(UserError, match="two examples of every class, and there is one of b"):
        load_splits(Data(f"folder:{tmp_path}"), 0)
    for i in range(5):
        save(tmp_path / "b" / f"{i}.png")
    with pytest.raises(UserError, match=r"val_fraction 0.1 of 8 examples leaves 1 for val and 7"):
        load_splits(Data(f"folder:{tmp_path}"), 0)


@pytest.mark.parametrize(("field", "value"), [("channels", 2), ("channels", 4), ("image_size", -1)])
def test_impossible_shape(field, value):
    with pytest.raises(UserError, match=rf"data\.{field} is {value}"):
        load_splits(Data(**{field: value}), 0)


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


def test_progress_ends_complete(folder):
    calls = []
    load_splits(Data(f"folder:{folder}"), 0, progress=lambda *call: calls.append(call))
    assert calls[-1] == (30, 30)
    assert calls == sorted(calls)


def test_image_written_upright(tmp_path, save):
    """The source reads as `jaxcnn.images.read` does: EXIF rotation included."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in "ab":
        for i in range(8):
            path = save(tmp_path / name / f"{i}.jpg", seed=i)
            Image.open(path).save(path, exif=exif)
    assert load_splits(Data(f"folder:{tmp_path}", val_fraction=0), 0).image_shape == (10, 12, 3)
