"""Border weights of training batches, computed beside the decoding."""

from dataclasses import dataclass

import numpy as np

from jaxcnn.losses import border_weights
from train.data.source import IGNORE


@dataclass(frozen=True)
class BorderWeights:
    """Weighs pixels by the gap between objects: connected pixels of one class but the first."""

    strength: float
    sigma: float

    def __call__(self, labels: np.ndarray) -> np.ndarray:
        """Return the weights float32 (B, H, W) of classes (B, H, W)."""
        weigh = [border_weights(objects(m), w0=self.strength, sigma=self.sigma) for m in labels]
        return np.stack(weigh)


def objects(mask: np.ndarray) -> np.ndarray:
    """Number the objects of a mask (H, W), 0 for the background and what is ignored.

    >>> objects(np.array([[1, 0, 1, 2, 2]])).tolist()
    [[1, 0, 2, 3, 3]]
    """
    from scipy import ndimage

    numbered, count = np.zeros(mask.shape, np.int32), 0
    for value in np.unique(mask[(mask != 0) & (mask != IGNORE)]):
        parts = np.zeros(mask.shape, np.int32)
        ndimage.label(mask == value, np.ones((3, 3)), output=parts)
        numbered[parts > 0] = parts[parts > 0] + count
        count = int(numbered.max())
    return numbered
