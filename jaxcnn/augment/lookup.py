"""Changes of colour that treat each value of a channel alike: 256 numbers say all."""

from collections.abc import Callable, Sequence
from types import MappingProxyType

import jax.numpy as jnp

from jaxcnn.typing import Array


def histogram(images: Array) -> Array:
    """Count the values of each channel of uint8 images, int32 (B, C, 256)."""
    batch, height, width, channels = images.shape
    example = jnp.arange(batch)[:, None, None, None]
    channel = jnp.arange(channels)[None, None, None]
    counts = jnp.zeros((batch, channels, 256), jnp.int32)
    return counts.at[example, channel, images.astype(jnp.int32)].add(1)


def _posterize(counts: Array, amount: Array) -> Array:
    """Keep the `amount` highest bits."""
    dropped = 8 - amount.astype(jnp.int32)
    return jnp.broadcast_to((_values() >> dropped) << dropped, counts.shape)


def _solarize(counts: Array, amount: Array) -> Array:
    """Invert what is at least as bright as the amount."""
    return jnp.broadcast_to(
        jnp.where(_values() >= amount, 255 - _values(), _values()), counts.shape
    )


def _autocontrast(counts: Array, amount: Array) -> Array:
    """Stretch the values that occur to the whole range."""
    occurs = counts > 0
    low = jnp.argmax(occurs, -1, keepdims=True)
    span = 255 - jnp.argmax(occurs[..., ::-1], -1, keepdims=True) - low
    stretched = (_values() - low) * 255 // jnp.maximum(span, 1)
    return jnp.where(span > 0, jnp.clip(stretched, 0, 255), _values())


def _equalize(counts: Array, amount: Array) -> Array:
    """Make all values occur equally often, by Pillow's integer rule."""
    total = counts.sum(-1, keepdims=True)
    highest = 255 - jnp.argmax((counts > 0)[..., ::-1], -1, keepdims=True)
    step = (total - jnp.take_along_axis(counts, highest, -1)) // 255
    below = jnp.cumsum(counts, -1) - counts
    spread = (below + step // 2) // jnp.maximum(step, 1)
    return jnp.where(step > 0, jnp.clip(spread, 0, 255), _values())


def _values() -> Array:
    return jnp.arange(256)[None, None]


TABLES: MappingProxyType[str, Callable[[Array, Array], Array]] = MappingProxyType(
    {
        "posterize": _posterize,
        "solarize": _solarize,
        "autocontrast": _autocontrast,
        "equalize": _equalize,
    }
)
"""From the histogram and an amount (B, 1, 1) to what stands for each value, (B, C, 256)."""


def look_up(images: Array, names: Sequence[str], choice: Array, amount: Array) -> Array:
    """Replace each value of uint8 images by what the chosen table has for it.

    Args:
        images: uint8 (B, H, W, C).
        names: Keys of `TABLES` among which `choice` chooses.
        choice: Index into `names`, int (B,); any other number leaves the image.
        amount: Bits for `posterize`, threshold for `solarize`, (B,).
    """
    counts = histogram(images)
    table = jnp.broadcast_to(_values(), counts.shape)
    for index, name in enumerate(names):
        chosen = (choice == index)[:, None, None]
        table = jnp.where(chosen, TABLES[name](counts, amount[:, None, None]), table)
    example = jnp.arange(images.shape[0])[:, None, None, None]
    channel = jnp.arange(images.shape[-1])[None, None, None]
    return table.astype(jnp.uint8)[example, channel, images.astype(jnp.int32)]
