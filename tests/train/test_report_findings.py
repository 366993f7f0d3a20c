import numpy as np
import pytest
from scipy.stats import binomtest

from tests.train.evaluations import evaluate, random_evaluation
from train.report.findings import (
    class_rows,
    confused_pairs,
    confusion,
    hits,
    samples,
    wilson,
    worst,
)


@pytest.mark.parametrize(("right", "count"), [(0, 10), (10, 10), (356, 360), (1, 3), (9250, 10000)])
def test_wilson_is_scipys(right, count):
    low, high = binomtest(right, count).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(wilson(right, count), (low, high), atol=1e-6)


def test_worst_mistakes_by_hand():
    evaluation = evaluate(
        [[0.6, 0.4], [0.1, 0.9], [0.8, 0.2], [0.3, 0.7]],
        [0, 0, 1, 1],
    )
    shown = worst(evaluation, 5)
    assert [(e.index, e.label, e.predicted) for e in shown] == [(2, 0, 1), (1, 1, 0)]
    assert [round(e.label_probability, 3) for e in shown] == [0.1, 0.2]
    assert [e.index for e in worst(evaluation, 1)] == [2]


def test_without_mistakes_the_least_certain_are_shown():
    evaluation = evaluate([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], [0, 0, 1])
    assert [e.index for e in worst(evaluation, 2)] == [1, 0]
    assert all(e.right for e in worst(evaluation, 2))


@pytest.mark.parametrize(
    ("count", "limit", "expected"), [(3, 9, [2, 1, 0]), (101, 3, [100, 50, 0])]
)
def test_samples_are_spread_evenly(count, limit, expected):
    assert [e.index for e in samples(random_evaluation(count, 4), limit)] == expected


def test_table_of_classes_by_hand():
    matrix = np.array([[8, 2, 0], [0, 5, 0], [0, 0, 0]])
    rows = class_rows(matrix, ["a", "b", "c"])
    assert [(r.count, r.mistaken_for) for r in rows] == [(10, "b (2)"), (5, ""), (0, "")]
    np.testing.assert_allclose([r.recall for r in rows], [0.8, 1, np.nan])
    np.testing.assert_allclose([r.precision for r in rows], [1, 5 / 7, np.nan])
    assert confused_pairs(matrix, 5) == [(0, 1, 2)]


def test_confusion_counts_every_example():
    evaluation = random_evaluation(200, 4, 0.5)
    matrix = confusion(evaluation, 4)
    assert matrix.sum() == 200
    assert np.trace(matrix) == hits(evaluation, 1)
