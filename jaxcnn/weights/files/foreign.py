"""Arrays of other libraries as NumPy arrays, without importing those libraries."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn.weights.error import WeightsError


def is_array(value: Any) -> bool:
    """Whether a value is an array of NumPy, JAX, PyTorch or a library with `__array__`."""
    return hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "__array__")


def to_numpy(name: str, value: Any) -> np.ndarray:
    """Return the numbers of an array; a NumPy array is returned as it is."""
    if hasattr(value, "detach"):  # PyTorch
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # which torch's own conversion lacks
            return np.asarray(value.float()).astype(jnp.bfloat16)
    array = np.asarray(value)
    if array.dtype.hasobject or array.dtype.kind in "SUMm":
        raise WeightsError(f"{name!r} has dtype {array.dtype}, no number; convert or drop it")
    return array
