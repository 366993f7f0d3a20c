"""Arrays on the memory of a file."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from jaxcnn.weights.error import WeightsError

MAX_RANK = 32
MAX_ELEMENTS = 2**48
"""Far above any file, far below where NumPy's 64-bit sizes overflow."""


def check_shape(name: str, shape: tuple[int, ...]) -> None:
    """Refuse a shape of natural numbers that NumPy cannot hold."""
    if len(shape) > MAX_RANK or math.prod(size or 1 for size in shape) > MAX_ELEMENTS:
        raise WeightsError(f"{name} has the absurd shape {shape[:MAX_RANK]}; get the file again")


def view(
    data: memoryview,
    shape: tuple[int, ...],
    dtype: np.dtype,
    *,
    offset: int = 0,
    strides: Sequence[int] | None = None,
    order: Literal["C", "F"] = "C",
) -> np.ndarray:
    """Return a read-only array on bytes that were checked to be enough.

    Args:
        data: The bytes.
        shape: Sizes of the axes.
        dtype: Kind of the numbers.
        offset: Bytes before the first number.
        strides: Bytes from one number to the next along each axis; None where there are no gaps.
        order: Which axis is dense where `strides` is None: "C" the last, "F" the first.
    """
    if 0 in shape:
        return np.empty(shape, dtype)
    # A byte that is neither 0 nor 1 is no bool that NumPy could compute with.
    if dtype.kind == "b" and np.ndarray(shape, np.uint8, data, offset, strides, order).max() > 1:
        raise WeightsError("holds a bool that is neither 0 nor 1; get the file again")
    return np.ndarray(shape, dtype, data, offset, strides, order)
