"""Exact evaluation: every example counts once, on any number of devices."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Evaluation:
    """What a network said of `n` examples, in the order of their source.

    `k` is the smaller of five and the number of classes.
    """

    labels: np.ndarray
    """True classes, int32 (n,)."""
    top_classes: np.ndarray
    """Most probable classes, best first, int32 (n, k)."""
    top_probabilities: np.ndarray
    """Their probabilities, float32 (n, k)."""
    label_probabilities: np.ndarray
    """Probability of the true class, float32 (n,)."""
    losses: np.ndarray
    """Cross-entropy in nats, float32 (n,)."""
    indices: np.ndarray
    """Position of each example in its source, int64 (n,)."""

    @property
    def count(self) -> int:
        """Number of examples."""
        return len(self.labels)

    @property
    def top1(self) -> float:
        """Share of examples whose most probable class is right, in [0, 1]."""
        return float(np.mean(self.top_classes[:, 0] == self.labels))

    @property
    def top5(self) -> float:
        """Share of examples whose class is among the five most probable, in [0, 1]."""
        return float(np.mean((self.top_classes == self.labels[:, None]).any(axis=1)))

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return float(np.mean(self.losses, dtype=np.float64))
