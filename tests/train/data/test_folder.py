"""Folders of images: what they give, and what is said of bad ones."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxcnn import images
from train.config import Data
from train.data import load_splits
from train.errors import UserError


def read_all(splits):
    for part in (splits.train, splits.val, splits.test):
        part.gather(np.arange(len(part)))


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
