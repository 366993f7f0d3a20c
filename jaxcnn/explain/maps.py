"""How the maps of a layer are laid over the image."""

import jax

from jaxcnn.typing import Array


def spread(maps: Array, x: Array) -> Array:
    """Return maps (N, h, w) at the size of the images, bilinear."""
    return jax.image.resize(maps, (maps.shape[0], *x.shape[1:3]), "linear")
