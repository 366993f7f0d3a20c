"""An index in a folder: what it holds after every change, interruption and damage."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from flax import linen as nn

from jaxcnn.retrieval import Index, IndexFolderError, files, fingerprint

DRAW = np.random.default_rng(0)
ABOUT = {"model": "none", "at": "stage4", "scales": (1.0, 0.5)}


def draw(count, dim=8):
    return DRAW.normal(size=(count, dim)).astype("f4")


def named(start, stop):
    return [f"{i}.jpg" for i in range(start, stop)]


@pytest.fixture
def index(tmp_path):
    """Thirty vectors in two segments, two of them deleted."""
    index = Index.create(tmp_path / "index", 8, ABOUT, arrays={"mean": np.ones(3)})
    index.add(draw(20), named(0, 20), digests=[f"d{i % 19}" for i in range(20)])
    index.add(draw(10), named(20, 30))
    index.delete(["3.jpg", "25.jpg"])
    return index


def content(index):
    return {n: index.vectors([i])[0].tobytes() for n, i in zip(index.names, index.ids, strict=True)}


def test_it_is_the_same_after_opening(index):
    again = Index.open(index.folder)
    assert content(again) == content(index)
    assert len(again) == 28
    assert again.state == index.state
    assert again.about == {**ABOUT, "scales": [1.0, 0.5]}
    np.testing.assert_array_equal(again.arrays["mean"], np.ones(3))
    np.testing.assert_allclose(np.linalg.norm(again.vectors(again.ids), axis=1), 1, atol=1e-6)


def test_search_finds_what_is_there_by_numbers_that_stay(index):
    queries = draw(5)
    before = index.search(queries, 28)
    assert not set(before.ids.ravel().tolist()) & {3, 25}
    unit = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    np.testing.assert_allclose(
        before.scores, np.einsum("qd,qkd->qk", unit, index.vectors(before.ids)), atol=1e-6
    )
    index.merge()
    assert len(list(index.folder.glob("vectors-*"))) == 1
    after = Index.open(index.folder).search(queries, 28)
    np.testing.assert_array_equal(after.ids, before.ids)
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-6)
    assert index.name(29) == "29.jpg"
    assert index.add(draw(1), ["3.jpg"]).tolist() == [30]  # no number is given twice


def test_everything_may_be_deleted(index):
    index.delete(index.names)
    assert len(index) == 0
    with pytest.raises(ValueError, match="there are 0 vectors"):
        index.search(draw(1), 1)
    index.merge()
    assert index.add(draw(1), ["new"]).tolist() == [30]


STEPS = {
    "add": lambda index: index.add(draw(4), named(90, 94)),
    "delete": lambda index: index.delete(["7.jpg"]),
    "merge": lambda index: index.merge(),
}


@pytest.mark.parametrize("change", STEPS)
def test_a_change_that_is_interrupted_anywhere_leaves_the_index_as_it_was(
    index, monkeypatch, change
):
    before, state, stops = content(index), index.state, 0
    while True:
        with monkeypatch.context() as patch:
            interrupt(patch, stops)
            try:
                STEPS[change](Index.open(index.folder))
                break
            except KeyboardInterrupt:
                stops += 1
        reopened = Index.open(index.folder)
        if reopened.state != state:  # all but the last sync of the folder was done
            break
        assert content(reopened) == before
    assert stops >= 6  # two calls for each of a file, its name and the folder, twice
    Index.open(index.folder).add(draw(1), ["last"])  # takes away what was left behind
    known = Index.open(index.folder)._state.stamps
    assert set(os.listdir(index.folder)) == {"manifest.json", "lock", *known}


def interrupt(patch, after):
    """Let the process be interrupted at the next system call of a change, after so many."""
    calls = iter(range(1000))

    def stopping(real):
        def call(*arguments):
            if next(calls) == after:
                raise KeyboardInterrupt
            return real(*arguments)

        return call

    for name in ("replace", "fsync"):
        patch.setattr(os, name, stopping(getattr(os, name)))


@pytest.mark.slow
def test_a_killed_add_leaves_the_index_as_it_was(index):
    before = content(index)
    code = (
        "import os, sys, numpy as np; from jaxcnn.retrieval import Index, files\n"
        "index = Index.open(sys.argv[1]); write = files.write\n"
        "def dying(path, fill):\n"
        "    if path.name == 'manifest.json': os.kill(os.getpid(), 9)\n"
        "    return write(path, fill)\n"
        "files.write = dying\n"
        "index.add(np.ones((3, 8)), ['x', 'y', 'z'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(index.folder)], check=False)
    assert done.returncode == -9
    assert content(Index.open(index.folder)) == before
    index.add(draw(1), ["x"])  # neither the lock nor the leavings are in the way


def test_two_writers_do_not_lose_what_the_other_adds(index):
    other = Index.open(index.folder)
    index.add(draw(1), ["mine"])
    assert other.add(draw(1), ["theirs"]).tolist() == [31]
    assert {"mine", "theirs"} <= set(other.names)
    with pytest.raises(ValueError, match="taken"):
        index.add(draw(1), ["theirs"])


def test_every_damaged_file_is_noticed(index):
    for path in sorted(index.folder.iterdir()):
        if path.name == files.LOCK:
            continue
        whole = path.read_bytes()
        for damaged in (whole[:-1], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], None):
            path.unlink()  # first: what is mapped into memory must not be cut off
            if damaged is not None:
                path.write_bytes(damaged)
            with pytest.raises(
                IndexFolderError, match="manifest" if "mani" in path.name else path.name
            ):
                Index.open(index.folder)
            path.unlink(missing_ok=True)
            path.write_bytes(whole)
    assert len(Index.open(index.folder)) == 28


def test_a_manifest_that_was_edited_is_noticed(index):
    path = index.folder / "manifest.json"
    text = json.loads(path.read_text())
    path.write_text(json.dumps({**text, "next_id": 5}))
    with pytest.raises(IndexFolderError, match="not that of its hash"):
        Index.open(index.folder)
    path.write_text(json.dumps({**text, "format": 9}))
    with pytest.raises(IndexFolderError, match="has format 9"):
        Index.open(index.folder)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.add(draw(2, 7), ["a", "b"]), r"must be floating-point vectors \(N, 8\)"),
        (lambda i: i.add(draw(2), ["a"]), "names=.*must be 2 strings"),
        (lambda i: i.add(draw(2), ["a", "a"]), "given twice"),
        (lambda i: i.add(draw(1), ["5.jpg"]), "taken"),
        (lambda i: i.add(draw(1) * [0], ["a"]), "1 of them are zero or not finite"),
        (lambda i: i.add(draw(1) * [np.nan], ["a"]), "1 of them are zero or not finite"),
        (lambda i: i.delete(["no.jpg"]), "1 names are not in the index"),
        (lambda i: i.search(draw(1), 29), "k=29: there are 28 vectors"),
        (lambda i: i.search(draw(1, 5), 1), r"must be floating-point vectors \(N, 8\)"),
        (
            lambda i: i.search(draw(1), 1, about={"model": "none"}),
            r"at: nothing here, there 'stage4'",
        ),
        (lambda i: i.vectors([99]), "are not all in the index"),
        (lambda i: Index.create(i.folder, 8, {}), "is not empty"),
        (lambda i: Index.open(i.folder / "no"), "is no index"),
        (lambda i: Index.create(i.folder / "new", 0, {}), "dim=0"),
    ],
)
def test_errors_leave_the_index_as_it_was(index, call, message):
    before = content(index)
    with pytest.raises(ValueError, match=message):
        call(index)
    assert content(Index.open(index.folder)) == before
    assert index.search(draw(1), 1, about=ABOUT)


def test_a_fingerprint_tells_networks_and_weights_apart():
    ones, twos = ({"params": {"kernel": np.full((3, 2), v, "f4")}} for v in (1, 2))
    first = fingerprint(nn.Dense(2), ones, at="top")
    assert first == fingerprint(nn.Dense(2, name="other"), ones, at="top")
    assert first["variables"] != fingerprint(nn.Dense(2), twos)["variables"]
    assert first["fields"] != fingerprint(nn.Dense(2, use_bias=False), ones)["fields"]
    with pytest.raises(TypeError, match="must be a Linen module"):
        fingerprint(nn.relu, ones)


@pytest.mark.slow
def test_a_fingerprint_is_the_same_in_another_process():
    code = (
        "import numpy as np; from flax import linen as nn\n"
        "from jaxcnn.retrieval import fingerprint\n"
        "print(fingerprint(nn.Dense(2), {'params': {'kernel': np.ones((3, 2), 'f4')}})['fields'])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    variables = {"params": {"kernel": np.ones((3, 2), "f4")}}
    assert found.stdout.strip() == fingerprint(nn.Dense(2), variables)["fields"]
