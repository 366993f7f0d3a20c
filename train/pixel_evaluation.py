"""What an evaluation says of pixels: exact counts, and the scores that they make."""

import functools
from dataclasses import dataclass, field

import numpy as np

from jaxcnn import metrics


def scores(confusion: np.ndarray) -> dict[str, float]:
    """Return the figures of counts (K, K): shares in [0, 1]; NaN where nothing was counted."""
    return {
        "miou": float(metrics.mean_iou(confusion)),
        "dice": float(metrics.mean_dice(confusion)),
        "pixel_accuracy": float(metrics.pixel_accuracy(confusion)),
    }


@dataclass(frozen=True)
class PixelEvaluation:
    """What a network said of the pixels of `n` images, in the order of their source."""

    losses: np.ndarray
    """Mean cross-entropy of the pixels of each image in nats, (n,)."""
    confusions: np.ndarray = field(repr=False)
    """Pixels of each image by true and predicted class, int32 (n, K, K)."""
    indices: np.ndarray = field(repr=False)
    """Position of each example in its source, int64 (n,)."""

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.losses)

    @functools.cached_property
    def confusion(self) -> np.ndarray:
        """Pixels of all images by true and predicted class, int64 (K, K)."""
        return self.confusions.sum(axis=0, dtype=np.int64)

    @property
    def loss(self) -> float:
        """Mean of the images' losses in nats."""
        return float(np.mean(self.losses, dtype=np.float64))

    @property
    def scores(self) -> dict[str, float]:
        """The figures of the log."""
        return scores(self.confusion)
