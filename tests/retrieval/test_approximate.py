"""Approximate search beside the exact one."""

import sys

import numpy as np
import pytest

from jaxcnn.cli.main import EXTRAS
from jaxcnn.retrieval import Approximate, Index, IndexFolderError
from jaxcnn.retrieval.approximate import overlap

faiss = pytest.importorskip("faiss", reason="pip install 'jaxcnn[search]'")
DRAW = np.random.default_rng(0)


def clustered(count):
    centres = np.random.default_rng(1).normal(size=(30, 16))
    return (centres[DRAW.integers(0, 30, count)] + 0.5 * DRAW.normal(size=(count, 16))).astype("f4")


@pytest.fixture
def index(tmp_path):
    index = Index.create(tmp_path / "index", 16, {})
    index.add(clustered(2000), [str(i) for i in range(2000)])
    index.delete(["7", "1999"])
    return index


def test_it_finds_what_exact_search_finds(index):
    approximate = Approximate.build(index)
    approximate.tune(index, clustered(200), recall=0.99)
    assert approximate.probes < approximate._engine.nlist / 2
    queries = clustered(100)
    found, exact = approximate.search(queries, 10), index.search(queries, 10)
    assert overlap(found.ids, exact.ids) >= 0.98
    both = found.ids == exact.ids
    np.testing.assert_allclose(found.scores[both], exact.scores[both], atol=1e-5)
    assert not {7, 1999} & set(found.ids.ravel().tolist())
    approximate.probes = 10**6
    whole = approximate.search(queries, 10)
    np.testing.assert_allclose(whole.scores, exact.scores, atol=1e-5)


def test_it_is_kept_with_its_index_and_is_of_one_state(index):
    approximate = Approximate.build(index, lists=20)
    approximate.probes = 3
    approximate.save(index)
    queries = clustered(20)
    again = Approximate.open(Index.open(index.folder))
    assert again.probes == 3
    np.testing.assert_array_equal(again.search(queries, 5).ids, approximate.search(queries, 5).ids)
    path = index.folder / "approximate.faiss"
    whole = path.read_bytes()
    path.unlink()  # what is mapped into memory must not be cut off
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(IndexFolderError, match="damaged"):
        Approximate.open(index)
    path.unlink()
    path.write_bytes(whole)
    index.add(clustered(1), ["new"])
    with pytest.raises(IndexFolderError, match="has changed"):
        Approximate.open(index)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: Approximate.build(i, lists=5000), "at most the 1998 vectors"),
        (lambda i: Approximate.build(i, lists=4).search(np.ones((1, 16)), 1999), "k=1999"),
        (lambda i: Approximate.build(i, lists=4).search(np.ones((1, 3)), 1), r"\(N, 16\)"),
        (lambda i: Approximate.build(i, lists=4).tune(i, np.ones((1, 16)), recall=2), "recall=2"),
        (lambda i: Approximate.open(i), "has no approximate index"),
    ],
)
def test_errors(index, call, message):
    with pytest.raises(ValueError, match=message):
        call(index)


def test_the_extra_is_named_where_faiss_is_missing(monkeypatch):
    assert EXTRAS["faiss"] == "search"
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ModuleNotFoundError):
        Approximate.open(None)
