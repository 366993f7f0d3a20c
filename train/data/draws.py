"""Random numbers that are the same on every machine, in every version, for ever."""

import hashlib
from typing import Any

import numpy as np


class Draws:
    """Numbers drawn one after the other, a function of what names the sequence.

    NumPy keeps only the raw streams of its bit generators the same from version to version
    (NEP 19), so everything is made of those.

    >>> first, again = Draws("scene", 3), Draws("scene", 3)
    >>> first.uniform(0, 1) == again.uniform(0, 1)
    True
    """

    def __init__(self, *names: Any):
        """Begin the sequence of these names: texts and numbers."""
        key = hashlib.sha256(repr(names).encode()).digest()[:16]
        self._bits = np.random.Philox(key=int.from_bytes(key, "little"))

    def array(self, *shape: int) -> np.ndarray:
        """Return numbers in [0, 1), float64."""
        raw = np.asarray(self._bits.random_raw(int(np.prod(shape))))
        return (raw >> np.uint64(11)).reshape(shape) * 2.0**-53

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * float(self.array(1)[0])

    def integer(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self.array(1)[0] * (high - low + 1))
