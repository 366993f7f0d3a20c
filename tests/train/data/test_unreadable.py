"""Unreadable images stop the run, or are skipped, counted and named: always in the same way."""

import numpy as np
import pytest

from train.config import Data
from train.data import eval_batches, load_splits, splits_of, train_batches
from train.data.files import FileExamples
from train.data.lazy import LazySource
from train.errors import UserError


@pytest.fixture
def damaged(folder):
    """The folder with two truncated files and one that is no image."""
    for name in ("cat/03.png", "dog/05.jpg"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
    (folder / "eel" / "00.WEBP").write_bytes(b"<html></html>")
    return folder


BAD = {"cat/03.png": "truncated", "dog/05.jpg": "truncated", "eel/00.WEBP": "not an image"}


def assert_names_the_bad(skipped):
    assert {"/".join(name.split("/")[-2:]) for name in skipped} == set(BAD)
    for name, reason in skipped.items():
        assert BAD["/".join(name.split("/")[-2:])] in reason


def read_all(splits):
    for part in (splits.train, splits.val, splits.test):
        list(eval_batches(part, batch_size=4))


@pytest.mark.parametrize("cache_mb", [0, 64])
def test_raise_is_the_default_and_says_how_to_skip(damaged, cache_mb):
    with pytest.raises(UserError, match=r"cannot read .*(png|jpg|WEBP).*--data.on_error skip"):
        read_all(load_splits(Data(f"folder:{damaged}", cache_mb=cache_mb), 0))


def test_raise_in_the_stream_repeats_itself(damaged):
    splits = load_splits(Data(f"folder:{damaged}", cache_mb=0), 0)
    stream = train_batches(splits.train, batch_size=21, seed=0)
    for _ in range(2):
        with pytest.raises(UserError, match="cannot read"):
            next(stream)
    assert stream.get_state()["next_batch"] == 0


def test_skip_leaves_them_out_of_a_decoded_set(damaged):
    splits = load_splits(Data(f"folder:{damaged}", on_error="skip"), 0)
    assert_names_the_bad(splits.skipped)
    parts = (splits.train, splits.val, splits.test)
    assert sum(len(p) for p in parts) == 27
    names = {p.name(i) for p in parts for i in range(len(p))}
    assert len(names) == 27
    assert not names & set(splits.skipped)


def test_skip_masks_them_in_a_lazy_set(damaged):
    splits = load_splits(Data(f"folder:{damaged}", on_error="skip", cache_mb=0), 0)
    stream = train_batches(splits.train, batch_size=7, seed=0)
    assert splits.skipped == {}
    for _ in range(3):
        batch = next(stream)
        good = batch["image"][batch["mask"]]
        for row in np.flatnonzero(~batch["mask"]):
            assert splits.train.name(int(batch["index"][row])) in splits.skipped
            # A real picture of the batch stands in, for batch normalisation.
            assert any(np.array_equal(batch["image"][row], image) for image in good)
    stream.close()
    for part in (splits.val, splits.test):
        before = len(splits.skipped)
        counted = sum(int(b["mask"].sum()) for b in eval_batches(part, batch_size=4))
        assert counted == len(part) - (len(splits.skipped) - before)
    assert_names_the_bad(splits.skipped)


def test_skip_also_where_the_last_image_is_alone_in_its_batch(folder):
    (folder / "eel" / "09.WEBP").write_bytes(b"")
    splits = load_splits(Data(f"folder:{folder}", on_error="skip", cache_mb=0), 0)
    paths = ("cat/00.png", "dog/01.jpg", "eel/09.WEBP")
    files = FileExamples(folder, paths, np.arange(3, dtype=np.int32))
    source = LazySource(files, splits.train.parent.form, 3, "skip")
    masks = [batch["mask"].tolist() for batch in eval_batches(source, batch_size=2)]
    assert masks == [[True, True], [False, False]]
    assert list(source.skipped) == [str(folder / "eel/09.WEBP")]


def test_skip_is_deterministic(damaged):
    splits = load_splits(Data(f"folder:{damaged}", on_error="skip", cache_mb=0), 0)
    streams = [train_batches(splits.train, batch_size=7, seed=0, threads=t) for t in (1, 4)]
    streams[0].set_state(streams[1].get_state())
    for _ in range(6):
        first, second = map(next, streams)
        for key in first:
            np.testing.assert_array_equal(first[key], second[key])
    for stream in streams:
        stream.close()


def test_nothing_readable(folder):
    for path in folder.rglob("*.*"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match="none of 30 images tried .*the first: .*cat/00.png"):
        load_splits(Data(f"folder:{folder}", on_error="skip"), 0)


def test_defects_of_a_program_are_not_skipped():
    class Broken:
        def __len__(self):
            return 8

        def __getitem__(self, i):
            if i == 5:
                raise AttributeError("a typing error")
            return {"image": np.zeros((4, 4, 1), np.uint8), "label": i % 2}

    with pytest.raises(AttributeError, match="a typing error"):
        splits_of(Broken(), data=Data(on_error="skip"), class_names="ab")
