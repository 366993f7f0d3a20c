"""Random rectangles of a given range of areas and proportions."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxcnn.augment.pixels import Range
from jaxcnn.typing import Array, Key

TRIES = 10


class Boxes(NamedTuple):
    """One rectangle for each image, in whole pixels, (B,) each."""

    top: Array
    left: Array
    height: Array
    width: Array

    def masks(self, size: tuple[int, int]) -> Array:
        """Return which pixels lie inside, bool (B, H, W, 1)."""
        row, column = jnp.arange(size[0])[None], jnp.arange(size[1])[None]
        rows = (row >= self.top[:, None]) & (row < (self.top + self.height)[:, None])
        columns = (column >= self.left[:, None]) & (column < (self.left + self.width)[:, None])
        return (rows[:, :, None] & columns[:, None, :])[..., None]


def draw_boxes(
    keys: Key, size: tuple[int, int], scale: Range, ratio: Range, limit: tuple[int, int]
) -> tuple[Boxes, Array]:
    """Draw rectangles by torchvision's rule, and say where one was found.

    The area is uniform within `scale` times that of the image, width / height log-uniform within
    `ratio`; of ten such pairs the first that is at most `limit` (height, width) stands, at a
    uniform place. Drawn all at once: a loop would end, under vmap, with the unluckiest image.
    """
    height, width = size
    logs = (math.log(ratio[0]), math.log(ratio[1]))

    def draw(key: Key) -> tuple[Boxes, Array]:
        areas, ratios, rows, columns = jax.random.split(key, 4)
        area = height * width * jax.random.uniform(areas, (TRIES,), jnp.float32, *scale)
        shape = jnp.exp(jax.random.uniform(ratios, (TRIES,), jnp.float32, *logs))
        tall = jnp.round(jnp.sqrt(area / shape)).astype(jnp.int32)
        wide = jnp.round(jnp.sqrt(area * shape)).astype(jnp.int32)
        fits = (tall > 0) & (wide > 0) & (tall <= limit[0]) & (wide <= limit[1])
        first = jnp.argmax(fits)
        tall, wide = jnp.minimum(tall[first], height), jnp.minimum(wide[first], width)
        top = jax.random.randint(rows, (), 0, height - tall + 1, jnp.int32)
        left = jax.random.randint(columns, (), 0, width - wide + 1, jnp.int32)
        return Boxes(top, left, tall, wide), fits[first]

    return jax.vmap(draw)(keys)
