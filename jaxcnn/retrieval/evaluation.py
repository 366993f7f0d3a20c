"""How good a ranking is: average precision, precision and recall at k."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from jaxcnn.checks import Report

Rule = Literal["trapezoid", "sum"]


@dataclass(frozen=True)
class Evaluation:
    """Measures of Q queries.

    Attributes:
      average_precision: Of each query, (Q,).
      precision: At each k, the share of the first k that is relevant, (Q,).
      recall: At each k, the share of the relevant that is among the first k, (Q,).

    Example:
      >>> found = evaluate([[4, 2, 7]], [[4, 7]], ks=(1, 2))
      >>> found.as_dict()["recall@2"]
      0.5
    """

    average_precision: np.ndarray
    precision: dict[int, np.ndarray]
    recall: dict[int, np.ndarray]

    @property
    def mean_average_precision(self) -> float:
        """The mean over the queries."""
        return float(self.average_precision.mean())

    def as_dict(self) -> dict[str, float]:
        """Return all means by name."""
        found = {"mAP": self.mean_average_precision}
        found |= {f"precision@{k}": float(v.mean()) for k, v in self.precision.items()}
        return found | {f"recall@{k}": float(v.mean()) for k, v in self.recall.items()}

    def __add__(self, other: "Evaluation") -> "Evaluation":
        """Return the measures of both sets of queries."""
        join = lambda a, b: {k: np.concatenate([a[k], b[k]]) for k in a}  # noqa: E731
        first = np.concatenate([self.average_precision, other.average_precision])
        return Evaluation(first, join(self.precision, other.precision),
                          join(self.recall, other.recall))  # fmt: skip


def average_precision(ranks: Any, count: int, *, rule: Rule = "trapezoid") -> float:
    r"""Return the area below the curve of precision over recall.

    With the ranks :math:`r_1 < r_2 < ...` from 0 of what is relevant, `sum` is
    :math:`\frac{1}{P} \sum_j \frac{j}{r_j + 1}`; `trapezoid` takes the mean of the precision
    before and at each, as the evaluation programs of Oxford buildings and Holidays do.

    Args:
      ranks: Growing ranks from 0 of the relevant that were found, junk not counted.
      count: How many are relevant, P >= 1.
      rule: `trapezoid` or `sum`.

    Returns:
      The area, in [0, 1].

    Raises:
      ValueError: If more are found than there are, or nothing is relevant.

    Source: Philbin et al. 2007, "Object retrieval with large vocabularies and fast spatial
    matching", and `compute_ap.cpp` beside their images; Jégou et al. 2008, `holidays_map.py`.

    Example:
      >>> average_precision([0, 2], 2, rule="sum"), average_precision([0, 2], 2)
      (0.8333333333333333, 0.7916666666666666)
    """
    report = Report("average_precision")
    report.choice("rule", rule, ["trapezoid", "sum"])
    ok = count >= 1 and len(ranks) <= count
    rule_text = f"must be at least 1 and the {len(ranks)} that were found"
    report.expect(ok, "count", count, rule_text, "give all that is relevant")
    report.done()
    ranks, j = np.asarray(ranks, np.float64), np.arange(len(ranks))
    at = (j + 1) / (ranks + 1)
    if rule == "sum":
        return float(at.sum() / count)
    before = np.where(ranks == 0, 1.0, j / np.maximum(ranks, 1))
    return float((at + before).sum() / 2 / count)


def evaluate(
    ranked: Sequence[Any],
    positives: Sequence[Any],
    *,
    junk: Sequence[Any] | None = None,
    ks: Sequence[int] = (1, 5, 10),
    rule: Rule = "trapezoid",
) -> Evaluation:
    """Return how good rankings are.

    Args:
      ranked: For each query what was found, numbers or names, the best first: all of the
        database, for otherwise what is missing counts as not found.
      positives: For each query what is relevant, at least one.
      junk: For each query what is taken out of its ranking, as if it were not there, such as the
        query itself.
      ks: Where precision and recall are told, >= 1.
      rule: `trapezoid` or `sum`, of `average_precision`.

    Returns:
      The measures.

    Raises:
      ValueError: If lengths differ, nothing is relevant for a query, or junk is relevant.

    Source: as for `average_precision`.

    Example:
      >>> evaluate(["abcd"], ["bd"], junk=["a"], ks=(1,), rule="sum").as_dict()
      {'mAP': 0.83..., 'precision@1': 1.0, 'recall@1': 0.5}
    """
    junk = [()] * len(ranked) if junk is None else junk
    check(ranked, positives, junk, ks)
    area, precision, recall = [], {k: [] for k in ks}, {k: [] for k in ks}
    for found, relevant, left_out in zip(ranked, positives, junk, strict=True):
        found, relevant = as_array(found), as_array(relevant)
        hits = np.isin(found[~np.isin(found, as_array(left_out))], relevant)
        area.append(average_precision(np.flatnonzero(hits), len(relevant), rule=rule))
        for k in ks:
            precision[k].append(hits[:k].sum() / k)
            recall[k].append(hits[:k].sum() / len(relevant))
    return Evaluation(
        np.array(area),
        {k: np.array(values) for k, values in precision.items()},
        {k: np.array(values) for k, values in recall.items()},
    )


def ukbench_score(ranked: Sequence[Any], positives: Sequence[Any]) -> float:
    """Return how many of the four images of a query's object are among the first four.

    Args:
      ranked: For each query what was found, the best first, the query itself included.
      positives: For each query the images of its object, itself included.

    Returns:
      The mean number, in [0, 4].

    Source: Nistér & Stewénius 2006, "Scalable recognition with a vocabulary tree", section 6.

    Example:
      >>> ukbench_score([[0, 1, 9, 2, 3]], [[0, 1, 2, 3]])
      3.0
    """
    return 4 * evaluate(ranked, positives, ks=(4,)).as_dict()["precision@4"]


def as_array(values: Any) -> np.ndarray:
    """Return numbers or names as an array; letters of a text are names."""
    values = values if isinstance(values, np.ndarray) else list(values)
    return np.asarray(values) if len(values) else np.zeros(0)


def check(ranked: Any, positives: Any, junk: Any, ks: Sequence[int]) -> None:
    """Raise where queries cannot be evaluated."""
    report = Report("evaluate")
    lengths = (len(ranked), len(positives), len(junk))
    rule = f"there are {lengths} rankings, positives and junk"
    report.expect(len(set(lengths)) == 1 and lengths[0] > 0, "positives", positives, rule,
                  "give one of each for every query")  # fmt: skip
    empty = [i for i, relevant in enumerate(positives) if len(relevant) == 0]
    rule = f"nothing is relevant for {len(empty)} queries, such as query {empty[:1]}"
    report.expect(not empty, "positives", positives, rule, "leave these queries out")
    both = [i for i, (p, j) in enumerate(zip(positives, junk, strict=False)) if {*p} & {*j}]
    rule = f"is junk and relevant at once in {len(both)} queries, such as query {both[:1]}"
    report.expect(not both, "junk", junk, rule, "decide for one")
    for k in ks:
        report.count("ks", k)
    report.done()
