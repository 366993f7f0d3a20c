"""Exact evaluation: every example counts once, on any number of devices."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from train import processes
from train.augmentation import Batch


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

    @property
    def scores(self) -> dict[str, float]:
        """The figures of the log."""
        return {"top1": self.top1, "top5": self.top5}


def predictions(
    predict: Callable[[Any, Batch], dict[str, jax.Array]],
    variables: Any,
    batches: Iterable[Batch],
    place: Callable[[Batch], Batch],
    on_batch: Callable[[int], None] = lambda count: None,
) -> list[dict[str, np.ndarray]]:
    """Return the predictions for the real examples of each batch.

    Args:
      predict: the mapped function `(variables, batch) -> arrays per example`.
      variables: parameters and statistics, on every device.
      batches: host batches whose padding has `mask` False.
      place: puts a batch on the devices.
      on_batch: told the number of examples seen after each batch; may raise to stop.
    """
    parts, count = [], 0
    for batch in batches:
        inputs = {name: batch[name] for name in ("image", "label")}
        mask = np.asarray(batch["mask"])
        out = jax.device_get(predict(variables, place(inputs)))
        out |= {"indices": batch["index"]}
        parts.append({name: np.asarray(value)[mask] for name, value in out.items()})
        count += int(mask.sum())
        on_batch(count)
    if processes.several():
        parts = processes.merged(parts)
    return parts
