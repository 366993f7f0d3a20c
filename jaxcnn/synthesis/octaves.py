"""Images of growing size: coarse structures first, then details on them."""

import jax
import jax.numpy as jnp

from jaxcnn.typing import Array, Shape


def sizes(shape: Shape, octaves: int, ratio: float, least: int) -> list[tuple[int, int]]:
    """Return the sizes of the octaves, the last the full one; those below `least` are left out.

    >>> sizes((1, 100, 50, 3), 3, 2.0, 16)
    [(50, 25), (100, 50)]
    """
    height, width = shape[1:3]
    every = [(round(height / ratio**i), round(width / ratio**i)) for i in range(octaves)]
    return [size for i, size in enumerate(every) if i == 0 or min(size) >= least][::-1]


def resized(images: Array, size: tuple[int, int]) -> Array:
    """Return images (N, H, W, C) of another size, antialiased, in [0, 1]."""
    shape = (images.shape[0], *size, images.shape[3])
    return jnp.clip(jax.image.resize(images, shape, "cubic"), 0, 1)
