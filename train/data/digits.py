"""The 1,797 handwritten digits that come with scikit-learn: real images without a network."""

from typing import Any

import numpy as np

from train.data.source import ArrayExamples
from train.data.stored import Stored


def open_digits() -> Stored:
    """Return the digits, 8 x 8 pixels; their values 0..16 become 0..255."""
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    names = tuple(str(name) for name in digits.target_names)
    examples = ArrayExamples(images, digits.target.astype(np.int32), "digit {}")
    return Stored(examples, names, {"source": "digits", "content": examples.digest()})
