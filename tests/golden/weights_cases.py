"""The arrays of the stored files of weights; NumPy only."""

import numpy as np

DTYPES = (
    *("float64", "float32", "float16", "bfloat16"),
    *("int64", "int32", "int16", "int8", "uint8", "bool"),
    *("complex64", "complex128", "uint16", "uint32", "uint64"),
    *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"),
)


def numbers() -> np.ndarray:
    """Return the numbers that are stored in each dtype: all of them can hold these."""
    return np.array([[0, 1, 2], [3, 4, 6]])


def views() -> dict[str, np.ndarray]:
    """Return the arrays that share one storage or lie in it in unusual ways."""
    base = np.arange(24, dtype=np.float32)
    return {
        "whole": base,
        "tied": base,
        "part": base[4:10],
        "transposed": base.reshape(4, 6).T,
        "every_third": base[::3],
        "expanded": np.broadcast_to(np.arange(3, dtype=np.int64), (2, 3)),
        "scalar": np.float32(3.5).reshape(()),
        "empty": np.zeros((0, 3), np.float32),
        "one_by_one": base[:1].reshape(1, 1),
        "parameter": base[:6].reshape(2, 3),
        "with_attribute": base[:2],
    }
