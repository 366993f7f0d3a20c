"""The border that a network of valid convolutions takes: mirrored, so that all pixels get a class.

Ronneberger et al. 2015, "U-Net", section 2 and figure 2.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.typing import Array
from train.errors import UserError

Pads = tuple[tuple[int, int], tuple[int, int]]
NONE: Pads = ((0, 0), (0, 0))

FARTHEST = 512
"""Pixels that are tried at most."""


@functools.lru_cache(maxsize=8)
def context_of(model: nn.Module, shape: tuple[int, int, int]) -> Pads:
    """Return by how much images must grow for the network to give a result for each pixel."""
    height, width, channels = shape
    return along(model, height, channels), along(model, width, channels)


def along(model: nn.Module, size: int, channels: int) -> tuple[int, int]:
    """Return the same along one axis, tried on squares."""
    more, reason = 0, "it shrinks them to nothing"
    while more < FARTHEST:
        try:
            given = results(model, (size + more, size + more, channels))
        except (ValueError, TypeError) as error:  # it does not take this size
            more, reason = more + 1, str(error)
            continue
        if given[0] >= size:
            return halves(more)
        more += size - given[0]
    raise UserError(f"the network gives no result for each of {size} pixels: {reason}")


def halves(more: int) -> tuple[int, int]:
    """Part a number in two.

    >>> halves(5)
    (2, 3)
    """
    return more // 2, more - more // 2


def results(model: nn.Module, shape: tuple[int, int, int]) -> tuple[int, int]:
    """Return the size of the map of logits that the network gives."""
    images = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    logits: Any = jax.eval_shape(
        lambda k, x: model.init_with_output(k, x)[0], jax.random.key(0), images
    )
    if len(logits.shape) != 4:
        raise UserError(
            f"the network answers with {logits.shape} for one image, and a segmentation needs a "
            "class for each pixel; use --model.name unet_padded, unet or unet_resnet18"
        )
    return logits.shape[1:3]


def mirrored(images: Array, pads: Pads) -> Array:
    """Return images (B, H, W, C) with their borders mirrored."""
    if pads == NONE:
        return images
    return jnp.pad(images, ((0, 0), *pads, (0, 0)), mode="reflect")


def centred(maps: Array, size: tuple[int, ...]) -> Array:
    """Cut the middle out of maps (B, H, W, K)."""
    top, left = ((given - wanted) // 2 for given, wanted in zip(maps.shape[1:3], size, strict=True))
    return maps[:, top : top + size[0], left : left + size[1]]
