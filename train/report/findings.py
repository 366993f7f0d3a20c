"""The figures and examples of an evaluation that a report shows."""

from dataclasses import dataclass

import numpy as np

from jaxcnn.metrics import confusion_matrix
from train.evaluate import Evaluation


@dataclass(frozen=True)
class Example:
    """One prediction to show."""

    index: int
    """Position of the image in its source."""
    label: int
    label_probability: float
    predicted: int
    probability: float
    """That the network gives to the predicted class."""
    loss: float

    @property
    def right(self) -> bool:
        """Whether the predicted class is the true one."""
        return self.label == self.predicted


@dataclass(frozen=True)
class ClassRow:
    """How one class fared."""

    name: str
    count: int
    recall: float
    """Share of its examples that were recognised; NaN without examples."""
    precision: float
    """Share of its predictions that were right; NaN without predictions."""
    mistaken_for: str
    """Class that most of its missed examples were taken for, with their number."""


def wilson(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share: E. B. Wilson, JASA 22 (1927).

    Unlike the normal approximation it stays in [0, 1] and is honest near both ends.

    >>> low, high = wilson(356, 360)
    >>> f"{low:.4f} {high:.4f}"
    '0.9718 0.9957'
    """
    share, weight = hits / count, z * z / count
    centre = share + weight / 2
    spread = z * np.sqrt(share * (1 - share) / count + weight / (4 * count))
    low, high = (centre - spread) / (1 + weight), (centre + spread) / (1 + weight)
    return max(0.0, float(low)), min(1.0, float(high))


def hits(evaluation: Evaluation, k: int) -> int:
    """Count the examples whose class is among the k most probable."""
    found = evaluation.top_classes[:, :k] == evaluation.labels[:, None]
    return int(found.any(axis=1).sum())


def worst(evaluation: Evaluation, limit: int) -> list[Example]:
    """Return the mistakes with the highest loss, the worst first.

    Without a single mistake they are the right answers with the highest loss.
    """
    # A NaN is the worst of all; `lexsort` keeps the order of the source among equals.
    losses = np.where(np.isnan(evaluation.losses), np.inf, evaluation.losses)
    order = np.lexsort((np.arange(evaluation.count), -losses))
    wrong = evaluation.top_classes[:, 0] != evaluation.labels
    chosen = order[wrong[order]] if wrong.any() else order
    return [_example(evaluation, i) for i in chosen[:limit]]


def samples(evaluation: Evaluation, limit: int) -> list[Example]:
    """Return examples at equal distances in the source: not chosen by how well they went."""
    places = np.linspace(0, evaluation.count - 1, min(limit, evaluation.count))
    return [_example(evaluation, i) for i in places.round().astype(int)]


def confusion(evaluation: Evaluation, num_classes: int) -> np.ndarray:
    """Return the counts (K, K), a row for each true class."""
    matrix = confusion_matrix(evaluation.labels, evaluation.top_classes[:, 0], num_classes)
    return np.asarray(matrix)


def class_rows(matrix: np.ndarray, names: list[str]) -> list[ClassRow]:
    """Return a row for each class, in their order, of the confusion matrix."""
    right, counts, guesses = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    missed = matrix - np.diag(right)
    rows = []
    for k, name in enumerate(names):
        other = int(missed[k].argmax())
        most = missed[k, other]
        rows.append(
            ClassRow(
                name,
                int(counts[k]),
                right[k] / counts[k] if counts[k] else float("nan"),
                right[k] / guesses[k] if guesses[k] else float("nan"),
                f"{names[other]} ({most:,})" if most else "",
            )
        )
    return rows


def confused_pairs(matrix: np.ndarray, limit: int) -> list[tuple[int, int, int]]:
    """Return (true class, predicted class, count) of the most frequent mistakes."""
    missed = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-missed, axis=None, kind="stable")[:limit]
    pairs = [(int(i // len(matrix)), int(i % len(matrix))) for i in order]
    return [(row, column, int(missed[row, column])) for row, column in pairs if missed[row, column]]


def _example(evaluation: Evaluation, i: int) -> Example:
    return Example(
        int(evaluation.indices[i]),
        int(evaluation.labels[i]),
        float(evaluation.label_probabilities[i]),
        int(evaluation.top_classes[i, 0]),
        float(evaluation.top_probabilities[i, 0]),
        float(evaluation.losses[i]),
    )
