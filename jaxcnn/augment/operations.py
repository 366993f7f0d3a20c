"""The fourteen operations of RandAugment and TrivialAugment, and one of them for each image.

Three passes do the work of all: one warp for the five that move pixels, one blend for the four
with a dull image, one table of 256 values for the four that treat each value alike. A choice by
`lax.switch` would, under vmap, compute all fourteen images.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxcnn.augment.affine_matrices import affine_matrices
from jaxcnn.augment.affine_warp import Interpolation, affine_warp
from jaxcnn.augment.blends import blend
from jaxcnn.augment.lookup import look_up
from jaxcnn.augment.pixels import Fill, narrow, widen
from jaxcnn.typing import Array

MOVES = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
BLENDS = ("brightness", "saturation", "contrast", "sharpness")
LOOKUPS = ("posterize", "solarize", "autocontrast", "equalize")
OPERATIONS = ("identity", *MOVES, *BLENDS, *LOOKUPS)
SIGNED = np.array([name in (*MOVES, *BLENDS) for name in OPERATIONS])


class Space(NamedTuple):
    """The largest amount of each operation, where it is not fixed."""

    shear: float
    """Pixels for each pixel."""
    translate: tuple[float, float]
    """Pixels to the side and downwards."""
    rotate: float
    """Degrees."""
    blend: float
    """Distance of the factor from 1."""
    posterize: int
    """Bits taken away."""

    def amounts(self, bins: int) -> np.ndarray:
        """Return the amount of each operation in each of the bins, (14, bins)."""
        rise = np.linspace(0, 1, bins)
        moves = (self.shear, self.shear, *self.translate, self.rotate)
        rows = [np.zeros(bins), *(top * rise for top in moves)]
        rows += [self.blend * rise] * len(BLENDS)
        rows += [8 - np.round(self.posterize * rise), 255 * (1 - rise)]
        return np.stack([*rows, np.zeros(bins), np.zeros(bins)]).astype(np.float32)


def apply(
    images: Array, choice: Array, amount: Array, interpolation: Interpolation, fill: Fill
) -> Array:
    """Apply to each uint8 image the operation `OPERATIONS[choice]` with its signed amount."""
    images = _move(images, choice, amount, interpolation, fill)
    first = OPERATIONS.index(BLENDS[0])
    blends = (choice >= first) & (choice < first + len(BLENDS))
    factor = jnp.where(blends, 1 + amount, 1.0)
    blended = blend(widen(images), BLENDS, choice - first, factor, 255.0)
    images = narrow(blended, images.dtype)
    return look_up(images, LOOKUPS, choice - OPERATIONS.index(LOOKUPS[0]), amount)


def _move(
    images: Array, choice: Array, amount: Array, interpolation: Interpolation, fill: Fill
) -> Array:
    size = images.shape[1], images.shape[2]

    def of(name: str) -> Array:
        return jnp.where(choice == OPERATIONS.index(name), amount, 0.0)

    matrices = affine_matrices(
        size,
        angle=of("rotate"),
        translate_x=jnp.trunc(of("translate_x")),
        translate_y=jnp.trunc(of("translate_y")),
    )
    # Shears leave the first corner where it is, as in the paper's code and in torchvision's.
    corner = affine_matrices(size, shear_x=of("shear_x"), shear_y=of("shear_y"), centre=(0.0, 0.0))
    sheared = (of("shear_x") != 0) | (of("shear_y") != 0)
    matrices = jnp.where(sheared[:, None, None], corner, matrices)
    return affine_warp(images, matrices, interpolation=interpolation, fill=fill)
