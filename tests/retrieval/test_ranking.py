"""Expansion, diffusion, duplicates and evaluation."""

import numpy as np
import pytest

from jaxcnn.retrieval import (
    average_precision,
    diffuse,
    equal_contents,
    evaluate,
    expand_queries,
    folder_queries,
    holidays_queries,
    near_duplicates,
    neighbour_graph,
    oxford_queries,
    rerank,
    search,
    ukbench_queries,
    ukbench_score,
)

DRAW = np.random.default_rng(0)


def unit(x):
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype("f4")


def compute_ap(ranked, positive, junk):
    """Oxford's compute_ap.cpp, line by line."""
    old_recall, old_precision, area, hits, seen = 0.0, 1.0, 0.0, 0, 0
    for name in ranked:
        if name in junk:
            continue
        hits += name in positive
        recall, precision = hits / len(positive), hits / (seen + 1)
        area += (recall - old_recall) * ((old_precision + precision) / 2)
        old_recall, old_precision, seen = recall, precision, seen + 1
    return area


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_that_of_the_authors(seed):
    draw = np.random.default_rng(seed)
    ranked, parts = draw.permutation(60), draw.permutation(60)
    positive, junk = parts[:9].tolist(), parts[9:20].tolist()
    found = evaluate([ranked], [positive], junk=[junk], ks=(3,))
    want = compute_ap(ranked.tolist(), positive, junk)
    assert found.mean_average_precision == pytest.approx(want, abs=1e-12)
    rest = [i for i in ranked if i not in junk]
    assert found.precision[3][0] == pytest.approx(sum(i in positive for i in rest[:3]) / 3)
    assert found.recall[3][0] == pytest.approx(sum(i in positive for i in rest[:3]) / 9)


def test_scikit_learn_sums_to_the_same():
    metrics = pytest.importorskip("sklearn.metrics")
    scores, relevant = DRAW.normal(size=40), DRAW.random(40) < 0.3
    ranks = np.flatnonzero(relevant[np.argsort(-scores)])
    ours = average_precision(ranks, relevant.sum(), rule="sum")
    assert ours == pytest.approx(metrics.average_precision_score(relevant, scores))


def test_what_is_not_found_counts():
    assert average_precision([0], 2) == 0.5
    assert average_precision([], 2) == 0
    assert evaluate([[1]], [[1]], ks=(4,)).precision[4][0] == 0.25
    both = evaluate([[1]], [[1]]) + evaluate([[2]], [[1]])
    assert both.as_dict()["mAP"] == 0.5


def test_the_protocols(tmp_path):
    names = [f"images/1000{n:02}.jpg" for n in (0, 1, 2)] + ["100101.jpg", "100100.jpg"]
    first, second = holidays_queries(names)
    assert first == ("100000", None, ("100001", "100002"), ("100000",))
    assert second.positives == ("100101",)
    found = ukbench_queries(f"x/ukbench{i:05}.jpg" for i in range(8))
    assert found[6].positives == tuple(f"ukbench{i:05}" for i in range(4, 8))
    ranked = [[q.image, *reversed(q.positives)][:4] for q in found]
    assert 3 <= ukbench_score(ranked, [q.positives for q in found]) <= 4
    assert len(folder_queries(["a/1", "a/2", "b/1", "c/1", "c/2", "c/3"])) == 5
    for kind, text in {"query": "radcliffe_9 1 2 3 4", "good": "a\nb", "ok": "c"}.items():
        (tmp_path / f"r_1_{kind}.txt").write_text(text)
    with pytest.raises(ValueError, match="r_1_query.txt without r_1_junk.txt"):
        oxford_queries(tmp_path)
    (tmp_path / "r_1_junk.txt").write_text("d e")
    assert oxford_queries(tmp_path)[0].positives == ("a", "b", "c")
    assert oxford_queries(tmp_path)[0].junk == ("d", "e")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: holidays_queries(["img.jpg"]), "1 are not of this set"),
        (lambda: holidays_queries(["100001.jpg", "100002.jpg"]), "lack their query"),
        (lambda: ukbench_queries(["ukbench00001.jpg"]), "have not four images"),
        (lambda: folder_queries(["a/1", "b/1"]), "no folder has two"),
        (lambda: evaluate([[1]], [[]]), "nothing is relevant for 1 queries"),
        (lambda: evaluate([[1]], [[1]], junk=[[1]]), "junk and relevant at once"),
        (lambda: evaluate([[1]], [[1], [2]]), "one of each for every query"),
        (lambda: average_precision([0, 1], 1), "at least 1 and the 2"),
        (
            lambda: expand_queries(np.ones((1, 2)), np.ones((1, 3, 3)), np.ones((1, 3))),
            "have shapes",
        ),
        (lambda: neighbour_graph(np.ones((3, 2), "f4"), k=3), "must be less than the 3 vectors"),
        (lambda: near_duplicates(np.ones((3, 2), "f4"), threshold=2), "threshold=2"),
        (lambda: rerank(np.ones((1, 2)), 3), "must be <= 2"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_expansion_is_the_formula():
    queries, found = unit(DRAW.normal(size=(3, 5))), unit(DRAW.normal(size=(3, 4, 5)))
    scores = DRAW.uniform(-0.2, 1, size=(3, 4))
    want = np.stack([
        q + sum(max(s, 0) ** 3 * x for s, x in zip(own, near, strict=True))
        for q, own, near in zip(queries, scores, found, strict=True)
    ])  # fmt: skip
    np.testing.assert_allclose(expand_queries(queries, found, scores), unit(want), atol=1e-6)
    none = np.where(np.arange(4) == 2, -np.inf, 1) * np.ones((3, 1))
    rest = unit(queries + found[:, [0, 1, 3]].sum(1))
    np.testing.assert_allclose(expand_queries(queries, found, none, alpha=0.0), rest, atol=1e-6)
    average = unit(queries + found.sum(1))
    np.testing.assert_allclose(
        expand_queries(queries, found, np.ones((3, 4)), alpha=0.0), average, atol=1e-6
    )


def moons(count):
    """Two half circles of which each is nearer to itself, point by point, than to the other."""
    angles = np.linspace(0, np.pi, count)
    upper = np.stack([np.cos(angles), np.sin(angles), np.full(count, 0.8)], 1)
    return unit(np.concatenate([upper, upper * [1, 1, -1]]))


def test_diffusion_solves_its_system_and_follows_the_manifold():
    x = moons(40)
    graph = neighbour_graph(x, k=4)
    scores = search(x[:1], x, 3)
    found = diffuse(graph, scores.scores, scores.ids, alpha=0.9, steps=200)[0]
    S = np.zeros((80, 80))
    np.put_along_axis(S, np.asarray(graph.neighbours), np.asarray(graph.weights), 1)
    np.testing.assert_allclose(S, S.T, atol=1e-6)
    assert np.linalg.eigvalsh(S).max() == pytest.approx(1, abs=1e-5)
    y = np.zeros(80)
    y[scores.ids[0]] = scores.scores[0] ** 3
    np.testing.assert_allclose(found, np.linalg.solve(np.eye(80) - 0.9 * S, y), atol=1e-4)
    far = diffuse(graph, scores.scores, scores.ids, alpha=0.99, steps=300)
    assert (rerank(far, 40).ids[0] < 40).all()  # its own half circle
    assert not (search(x[:1], x, 40).ids[0] < 40).all()  # the cosine alone prefers the other's ends


def test_equal_vectors_do_not_hide_a_vector_from_its_graph():
    graph = neighbour_graph(np.ones((6, 3), "f4"), k=2)
    assert (np.asarray(graph.neighbours) != np.arange(6)[:, None]).all()


def test_duplicates_are_grouped():
    x = unit(DRAW.normal(size=(50, 16)))
    x[7], x[30] = x[3], unit(x[3] + 0.003 * x[8])
    x[41] = x[12]
    assert near_duplicates(x, threshold=0.999) == [[3, 7, 30], [12, 41]]
    assert near_duplicates(x[:1]) == []
    assert equal_contents(["a", "", "b", "a", "", "b", "c"]) == [[0, 3], [2, 5]]
