"""Changes of colour that move an image towards a duller one, or away from it."""

from collections.abc import Callable, Sequence
from types import MappingProxyType

import jax.numpy as jnp

from jaxcnn.augment.pixels import per_image
from jaxcnn.typing import Array

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in brightness (ITU-R BT.601), as Pillow and torchvision have it."""


def grey(values: Array) -> Array:
    """Return the brightness of each pixel, (B, H, W, 1)."""
    if values.shape[-1] == 1:
        return values
    shares = jnp.asarray(LUMA, values.dtype)[None, None, None]
    return (values * shares).sum(-1, keepdims=True)


def smooth(values: Array) -> Array:
    """Return a weighted mean of 3 by 3 pixels, the middle five times; borders stay."""
    height, width = values.shape[1:3]
    if min(height, width) < 3:
        return values
    rows = values[:, :-2] + values[:, 1:-1] + values[:, 2:]
    nine = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    middle = (nine + 4 * values[:, 1:-1, 1:-1]) / 13
    return values.at[:, 1:-1, 1:-1].set(middle)


DULL: MappingProxyType[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "brightness": jnp.zeros_like,
        "contrast": lambda values: grey(values).mean((1, 2, 3), keepdims=True),
        "saturation": grey,
        "sharpness": smooth,
    }
)
"""What a factor of 0 leaves of an image."""


def blend(values: Array, names: Sequence[str], choice: Array, factor: Array, top: float) -> Array:
    """Return `dull + factor * (values - dull)` within [0, top]; `choice` says which dull image.

    Args:
        values: (B, H, W, C).
        names: Keys of `DULL` among which `choice` chooses.
        choice: Index into `names`, int (B,).
        factor: (B,); 1 returns the values.
        top: White.
    """
    dull = jnp.zeros_like(values)
    for index, name in enumerate(names):
        dull = jnp.where(per_image(choice == index), DULL[name](values), dull)
    factor = per_image(factor.astype(values.dtype))
    # Not dull + factor * (values - dull), which a factor of 1 would round.
    return jnp.clip(factor * values + (1 - factor) * dull, 0, top)
