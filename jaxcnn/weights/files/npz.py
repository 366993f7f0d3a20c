"""Archives of `numpy.savez`: arrays of numbers alone, without NumPy's pickles.

The header of an array is a Python literal; a strict pattern reads it, so that nothing is compiled.
Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import math
import re
import sys
from typing import Literal

import numpy as np

from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.files.archive import Archive
from jaxcnn.weights.files.views import check_shape, view

MAGIC = b"\x93NUMPY"
MAX_HEADER = 10_000
SWAPPED = ">" if sys.byteorder == "little" else "<"
HEADER = re.compile(
    r"\{'descr': '([<>|])([a-zA-Z]\d+)', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,18},? ?)*)\), \} *\n"
)
KINDS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
SAVE_AGAIN = "save plain arrays of numbers with numpy.savez"


def read(archive: Archive) -> dict[str, np.ndarray]:
    """Return the arrays: views of the file where they are not compressed."""
    return {name.removesuffix(".npy"): array(name, archive.read(name)) for name in archive.records}


def array(name: str, data: memoryview) -> np.ndarray:
    """Return the array of one record."""
    start, dtype, order, shape = header(name, data)
    if len(data) - start != math.prod(shape) * dtype.itemsize:
        raise WeightsError(
            f"{name!r} has {len(data) - start} bytes for an array of shape {shape} and dtype "
            f"{dtype}; {SAVE_AGAIN}"
        )
    return view(data[start:], shape, dtype, order=order)


def header(name: str, data: memoryview) -> tuple[int, np.dtype, Literal["C", "F"], tuple[int, ...]]:
    """Return where the numbers start, their dtype, order ("C" or "F") and shape."""
    if data[:6] != MAGIC or data[6:8] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise WeightsError(f"{name!r} is no array of NumPy; {SAVE_AGAIN}")
    width = 2 if data[6] == 1 else 4
    start = 8 + width
    length = int.from_bytes(data[8:start], "little")
    if length > min(MAX_HEADER, len(data) - start):
        raise WeightsError(f"{name!r} announces a header of {length} bytes; {SAVE_AGAIN}")
    text = bytes(data[start : start + length]).decode("latin-1")
    match = HEADER.fullmatch(text)
    if match is None:
        raise WeightsError(
            f"{name!r} holds objects, records or something unknown ({text[:60].strip()!r}), not "
            f"numbers; objects would need pickle, which is never used: {SAVE_AGAIN}"
        )
    order, kind, fortran, sizes = match.groups()
    if order == SWAPPED:
        raise WeightsError(f"{name!r} has its bytes in the order of other machines; {SAVE_AGAIN}")
    if kind not in KINDS:
        lost = "; NumPy's format does not keep bfloat16: use safetensors or astype(float32)"
        hint = lost if kind.startswith("V") else ""
        raise WeightsError(f"{name!r} has dtype {kind!r}, no number; {SAVE_AGAIN}{hint}")
    shape = tuple(int(size) for size in sizes.replace(",", " ").split())
    check_shape(repr(name), shape)
    return start + length, np.dtype(order + kind), "F" if fortran == "True" else "C", shape
