"""Files of safetensors: checked by its library, then mapped into memory.

The library refuses headers with holes, overlaps and wrong sizes; its NumPy side copies every array
and knows no bfloat16, hence our own look at the header that it has accepted.
Format: https://github.com/huggingface/safetensors#format
"""

import json

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open

from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.files.views import check_shape, view

DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2": "float8_e5m2",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}
MAX_HEADER = 4 * 2**20
"""Bytes. A tensor takes about 100; parsed, a header takes some ten times its size."""


def looks_like(data: memoryview) -> bool:
    """Return whether the file opens as one of safetensors does."""
    return len(data) > 8 and data[8] == ord("{")


def read(path: str, data: memoryview) -> dict[str, np.ndarray]:
    """Return the arrays as read-only views of the file."""
    length = int.from_bytes(data[:8], "little")
    if length > min(MAX_HEADER, len(data) - 8):
        raise WeightsError(
            f"announces a header of {length} bytes, more than the file or {MAX_HEADER:,}; "
            "it is truncated or damaged: get it again"
        )
    try:
        with safe_open(path, framework="np"):
            pass
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"is refused by safetensors ({error}); get it again") from None
    header = json.loads(bytes(data[8 : 8 + length]), object_pairs_hook=without_repeats)
    header.pop("__metadata__", None)
    return {name: array(name, entry, data[8 + length :]) for name, entry in header.items()}


def array(name: str, entry: dict, data: memoryview) -> np.ndarray:
    """Return one array on the file's memory."""
    if entry["dtype"] not in DTYPES:
        raise WeightsError(
            f"{name!r} has dtype {entry['dtype']!r}; save it as one of {', '.join(DTYPES)}"
        )
    shape = tuple(entry["shape"])
    check_shape(repr(name), shape)
    start, end = entry["data_offsets"]
    return view(data[start:end], shape, jnp.dtype(DTYPES[entry["dtype"]]))


def without_repeats(pairs: list[tuple]) -> dict:
    """Return a JSON object as a dict, if each of its names occurs once."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise WeightsError("names two tensors alike; get it again")
    return result
