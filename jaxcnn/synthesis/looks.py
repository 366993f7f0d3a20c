"""Random looks at an image: what shall be seen must be seen from all of them."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax.tree_util import register_dataclass

from jaxcnn.augment import affine_matrices, affine_warp
from jaxcnn.taps.target import STATIC
from jaxcnn.typing import Array, Key


@register_dataclass
@dataclass(frozen=True)
class Looks:
    """Shifts, scales, rotations and blurs, drawn anew at each step, the same for all images.

    Attributes:
      jitter: Pixels of the largest shift to each side; what leaves enters on the other side.
      scale: Largest share by which the image is enlarged or made smaller.
      rotate: Largest angle to each side, in degrees.
      blur: Largest deviation of a Gaussian, in pixels.

    Source: Mordvintsev et al. 2015, "Inceptionism" (jitter); Olah et al. 2017, "Feature
    visualization", section "The enemy of feature visualization".

    Example:
      >>> x = jnp.arange(4.0).reshape(1, 1, 4, 1)
      >>> sorted(Looks(jitter=2)(jax.random.key(0), x).ravel().tolist())
      [0.0, 1.0, 2.0, 3.0]
    """

    jitter: int = field(default=0, metadata=STATIC)
    scale: float = field(default=0.0, metadata=STATIC)
    rotate: float = field(default=0.0, metadata=STATIC)
    blur: float = field(default=0.0, metadata=STATIC)

    def __call__(self, key: Key, images: Array) -> Array:
        """Return the images as they are seen this time."""
        shift, size, turn, focus = jax.random.split(key, 4)
        if self.jitter:
            by = jax.random.randint(shift, (2,), -self.jitter, self.jitter + 1)
            images = jnp.roll(images, by, (1, 2))
        if self.scale or self.rotate:
            _, height, width, _ = images.shape
            scale = jnp.exp(jnp.log1p(self.scale) * jax.random.uniform(size, minval=-1))
            angle = self.rotate * jax.random.uniform(turn, minval=-1)
            matrix = affine_matrices((height, width), angle=angle, scale=scale)
            matrices = jnp.broadcast_to(matrix, (len(images), 3, 3))
            images = affine_warp(images, matrices.astype(images.dtype), fill=0.5)
        if self.blur:
            images = blurred(images, self.blur * jax.random.uniform(focus))
        return images


def blurred(images: Array, sigma: Array | float) -> Array:
    """Return images blurred by a Gaussian; at the border it weighs the pixels there are.

    >>> blurred(jnp.array([1.0, 0.0, 2.0, 1.0]).reshape(1, 1, 4, 1), 1e6).ravel()
    Array([1., 1., 1., 1.], dtype=float32)
    """
    rows, columns = (_gaussian(size, sigma).astype(images.dtype) for size in images.shape[1:3])
    return jnp.einsum("ah,nhwc,bw->nabc", rows, images, columns)


def _gaussian(size: int, sigma: Array | float) -> Array:
    """Return the weights of all places for each, (size, size)."""
    place = jnp.arange(size)
    weights = jnp.exp(-((place[:, None] - place[None]) ** 2) / (2 * jnp.maximum(sigma, 0.1) ** 2))
    return weights / weights.sum(1, keepdims=True)
