"""Blocked search against brute force."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.retrieval import exact, search

DRAW = np.random.default_rng(0)


def unit(*shape):
    x = DRAW.normal(size=shape).astype("f4")
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def assert_best(found, queries, vectors, k, alive=None):
    """The scores of brute force; and each number has the score that stands beside it."""
    scores = queries.astype("f8") @ vectors.astype("f8").T
    if alive is not None:
        scores = np.where(alive, scores, -np.inf)
    want = -np.sort(-scores, 1)[:, :k]
    np.testing.assert_allclose(found.scores, want, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(scores, found.ids, 1), want, atol=1e-6)
    assert all(len(set(row)) == k for row in found.ids.tolist())


@pytest.mark.parametrize("host", [True, False])
@pytest.mark.parametrize("k", [1, 10, 100, 700])
def test_brute_force_finds_the_same(monkeypatch, host, k):
    monkeypatch.setattr(exact, "BLOCK", 512)
    monkeypatch.setattr(exact, "QUERIES", 8)
    queries, vectors = unit(11, 16), unit(1500, 16)
    assert_best(search(queries, vectors, k, on_host=host), queries, vectors, k)
    parts = [vectors[:700], jnp.asarray(vectors[700:701]), vectors[701:701], vectors[701:]]
    assert_best(search(jnp.asarray(queries), parts, k, on_host=host), queries, vectors, k)
    alive = DRAW.random(1500) < 0.6
    alive[512:1024] = False  # a whole block
    assert_best(search(queries, vectors, k if k < 600 else 400, alive=alive, on_host=host),
                queries, vectors, k if k < 600 else 400, alive)  # fmt: skip


@pytest.mark.parametrize("host", [True, False])
@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_the_vectors_does_not_matter(monkeypatch, host, order):
    monkeypatch.setattr(exact, "BLOCK", 256)
    vectors = np.linspace(-1, 1, 2000, dtype="f4")[::order, None]
    found = search(np.ones((1, 1), "f4"), vectors, 5, on_host=host)
    want = [1999, 1998, 1997, 1996, 1995] if order == 1 else [0, 1, 2, 3, 4]
    assert found.ids[0].tolist() == want


@pytest.mark.parametrize("host", [True, False])
def test_equal_scores_come_in_the_order_of_their_numbers(monkeypatch, host):
    monkeypatch.setattr(exact, "BLOCK", 256)
    found = search(np.ones((2, 3), "f4"), np.ones((900, 3), "f4"), 4, on_host=host)
    assert found.ids.tolist() == [[0, 1, 2, 3]] * 2
    zeros = search(np.ones((2, 3), "f4"), np.zeros((900, 3), "f4"), 900, on_host=host)
    assert zeros.ids.tolist() == [list(range(900))] * 2


@pytest.mark.parametrize(
    ("queries", "vectors", "k", "message"),
    [
        (np.ones((1, 3), "f4"), np.ones((5, 4), "f4"), 1, "as many coordinates as the queries, 3"),
        (np.ones((1, 4), "f4"), np.ones((5, 4), "f4"), 6, "there are 5 vectors"),
        (np.ones((1, 4), "f4"), np.ones((5, 4), "f4"), 0, "k=0: must be >= 1"),
        (np.ones(4, "f4"), np.ones((5, 4), "f4"), 1, r"must be \(N, D\)"),
        (np.ones((1, 4), int), np.ones((5, 4), "f4"), 1, "floating-point"),
        (np.ones((0, 4), "f4"), np.ones((5, 4), "f4"), 1, "holds no query"),
    ],
)
def test_errors(queries, vectors, k, message):
    with pytest.raises((ValueError, TypeError), match=message):
        search(queries, vectors, k)
