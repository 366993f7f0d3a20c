"""The argument checks that the metrics share."""

import jax.numpy as jnp

from jaxcnn.typing import Array


def check_labels(function: str, **arrays: Array) -> None:
    """Raise TypeError that names every array whose dtype is not an integer."""
    wrong = [
        f"{name} must be integers, got {array.dtype}{list(array.shape)}"
        for name, array in arrays.items()
        if not jnp.issubdtype(array.dtype, jnp.integer)
    ]
    if wrong:
        raise TypeError(f"{function}: " + "; ".join(wrong))


def check_mask(function: str, mask: Array, shape: tuple[int, ...]) -> None:
    """Raise unless `mask` is boolean and of the given shape."""
    if mask.dtype != jnp.bool_:
        raise TypeError(f"{function}: mask must be bool (True = counted), got {mask.dtype}")
    if mask.shape != shape:
        raise ValueError(f"{function}: mask must be {shape}, got {mask.shape}")
