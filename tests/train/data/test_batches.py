"""Every batch is a function of (seed, number): resumed, sharded and parallel streams agree."""

import itertools

import numpy as np
import pytest

from train.config import Data
from train.data import check_batch_size, eval_batches, load_splits, steps_per_epoch, train_batches
from train.errors import UserError

SETTINGS = {"batch_size": 32, "seed": 7}


@pytest.fixture(scope="module")
def splits():
    return load_splits(Data(), seed=0)


def take(batches, count):
    try:
        return list(itertools.islice(batches, count))
    finally:
        batches.close()


def assert_equal(batch, other):
    assert batch.keys() == other.keys()
    for key in batch:
        assert batch[key].dtype == other[key].dtype
        np.testing.assert_array_equal(batch[key], other[key])


def test_contract(splits):
    batch = take(train_batches(splits.train, **SETTINGS), 1)[0]
    assert {k: (v.shape, v.dtype.name) for k, v in batch.items()} == {
        "image": ((32, 8, 8, 1), "uint8"),
        "label": ((32,), "int32"),
        "mask": ((32,), "bool"),
        "index": ((32,), "int64"),
    }
    for row, i in enumerate(batch["index"]):
        example = splits.train[int(i)]
        np.testing.assert_array_equal(batch["image"][row], example["image"])
        assert batch["label"][row] == example["label"]


@pytest.mark.parametrize("remainder", ["drop", "wrap"])
def test_epoch_visits_every_example_once_in_a_new_order(splits, remainder):
    n = len(splits.train)
    steps = steps_per_epoch(n, 32, remainder)
    stream = train_batches(splits.train, remainder=remainder, **SETTINGS)
    indices = np.concatenate([b["index"] for b in take(stream, 2 * steps)])
    epochs = indices.reshape(2, steps * 32)
    assert not np.array_equal(*epochs)
    for epoch in epochs:
        if remainder == "drop":
            assert len(np.unique(epoch)) == steps * 32 <= n
        else:
            assert len(np.unique(epoch[:n])) == n
            np.testing.assert_array_equal(epoch[n:], epoch[: steps * 32 - n])


@pytest.mark.parametrize("stop", [0, 1, 39, 40, 41, 100])
def test_resuming_anywhere_equals_the_uninterrupted_stream(splits, stop):
    whole = take(train_batches(splits.train, **SETTINGS), stop + 3)
    first = train_batches(splits.train, **SETTINGS)
    for _ in range(stop):
        next(first)
    second = train_batches(splits.train, threads=1, prefetch=1, **SETTINGS)
    second.set_state(first.get_state())
    first.close()
    for batch, other in zip(whole[stop:], take(second, 3), strict=True):
        assert_equal(batch, other)


@pytest.mark.parametrize("count", [2, 4])
def test_shards_tile_the_batch(splits, count):
    whole = take(train_batches(splits.train, **SETTINGS), 3)
    shards = [
        take(train_batches(splits.train, shard_index=i, shard_count=count, **SETTINGS), 3)
        for i in range(count)
    ]
    for b, batch in enumerate(whole):
        for key in batch:
            tiled = np.concatenate([shard[b][key] for shard in shards])
            np.testing.assert_array_equal(tiled, batch[key])


def test_going_back_drops_the_batches_that_were_ready(splits):
    stream = train_batches(splits.train, **SETTINGS)
    state = stream.get_state()
    first = next(stream)
    assert not np.array_equal(first["index"], next(stream)["index"])
    stream.set_state(state)
    assert_equal(next(stream), first)
    stream.close()


def test_seeds_give_other_orders(splits):
    first, second = (take(train_batches(splits.train, batch_size=32, seed=s), 1) for s in (0, 1))
    assert not np.array_equal(first[0]["index"], second[0]["index"])


def test_no_buffer_is_shared(splits):
    stream = train_batches(splits.train, **SETTINGS)
    batches = take(stream, 6)
    arrays = [a for b in batches for a in b.values()]
    for a, b in itertools.combinations([*arrays, splits.train.parent.images], 2):
        assert not np.shares_memory(a, b)


@pytest.mark.parametrize(
    "change",
    [{"seed": 8}, {"batch_size": 16}, {"remainder": "wrap"}, {"fingerprint": "other"}],
    ids=lambda c: next(iter(c)),
)
def test_state_of_other_data_or_settings_is_refused(splits, change):
    state = train_batches(splits.train, **SETTINGS).get_state()
    other = train_batches(splits.train, **{**SETTINGS, **change})
    name = {"fingerprint": "data"}.get(*change, *change)
    with pytest.raises(UserError, match=f"{name} was .* and is .*--fresh"):
        other.set_state(state)


def test_state_of_a_shorter_set_is_refused(splits):
    state = train_batches(splits.train, **SETTINGS).get_state()
    with pytest.raises(UserError, match="examples was 1293 and is 360"):
        train_batches(splits.test, **SETTINGS).set_state(state)


@pytest.mark.parametrize(("size", "rows"), [(64, 384), (360, 360), (400, 400), (1, 360)])
def test_evaluation_counts_every_example_once(splits, size, rows):
    batches = eval_batches(splits.test, batch_size=size)
    got = list(batches)
    assert len(got) == len(batches)
    mask = np.concatenate([b["mask"] for b in got])
    index = np.concatenate([b["index"] for b in got])
    assert len(mask) == rows
    assert mask.sum() == 360
    np.testing.assert_array_equal(index[mask], np.arange(360))
    assert (index[~mask] == -1).all()
    labels = np.concatenate([b["label"] for b in got])
    np.testing.assert_array_equal(labels[mask], splits.test.labels)
    pictures = np.concatenate([b["image"] for b in got])
    whole = splits.test.gather(np.arange(360)).images
    np.testing.assert_array_equal(pictures[mask], whole)
    # Padding holds pictures, so that nothing unusual enters a network.
    np.testing.assert_array_equal(pictures[~mask], whole[: rows - 360])


def test_evaluation_shards_tile_the_batch(splits):
    whole = list(eval_batches(splits.test, batch_size=64))
    shards = [
        list(eval_batches(splits.test, batch_size=64, shard_index=i, shard_count=4))
        for i in range(4)
    ]
    for b, batch in enumerate(whole):
        for key in batch:
            tiled = np.concatenate([shard[b][key] for shard in shards])
            np.testing.assert_array_equal(tiled, batch[key])


@pytest.mark.parametrize(("name", "value"), [("threads", 0), ("prefetch", 0), ("workers", -1)])
def test_impossible_counts(splits, name, value):
    with pytest.raises(UserError, match=rf"data\.{name} is {value}; it must be at least"):
        train_batches(splits.train, **SETTINGS, **{name: value})


def test_devices_must_divide_the_batch():
    check_batch_size("data.batch_size", 64, 8)
    for size, nearest in ((4, 8), (63, 56), (0, 8)):
        with pytest.raises(
            UserError, match=f"is {size}, .* 8 devices.* --data.batch_size {nearest}"
        ):
            check_batch_size("data.batch_size", size, 8)


@pytest.mark.parametrize("size", [0, -1, 1294])
def test_impossible_batch_size(splits, size):
    with pytest.raises(UserError, match=f"data.batch_size is {size}.*1293 training examples"):
        train_batches(splits.train, batch_size=size, seed=0)
