"""Hide a random rectangle of an image."""

from typing import Literal

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.boxes import draw_boxes
from jaxcnn.augment.keys import check_batch, stream
from jaxcnn.augment.pixels import (
    Fill,
    Range,
    expect_fill,
    expect_pixels,
    expect_range,
    per_image,
    uniform,
)
from jaxcnn.typing import Array, Key


def random_erasing(
    keys: Key,
    images: ArrayLike,
    probability: float = 0.5,
    *,
    scale: Range = (0.02, 0.33),
    ratio: Range = (0.3, 3.3),
    value: Fill | Literal["random"] = 0.0,
) -> Array:
    """Replace, with the given probability, a random rectangle of each image.

    The area is uniform, the proportion log-uniform; of ten draws the first that is smaller than
    the image on both axes stands, and where none is, the image stays whole.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: uint8 or floating, (B, H, W, C).
        probability: Chance of a rectangle, in [0, 1].
        scale: Smallest and largest area, as shares of the image, in (0, 1].
        ratio: Smallest and largest height / width.
        value: What is put there: one number, or one for each channel; `"random"` draws every
            pixel and channel, bytes uniformly, and standard normal numbers among floats, which
            are meant to be normalised.

    Returns:
        Images of the same shape and dtype.

    Raises:
        TypeError: If `keys` are not typed keys or the dtype of the images does not fit.
        ValueError: If shapes do not fit or a range cannot be meant.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys, random_erasing
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> images = jnp.ones((2, 8, 8, 3), jnp.uint8)
        >>> jax.eval_shape(lambda k, x: random_erasing(k, x, 0.25), keys, images).shape
        (2, 8, 8, 3)

    Reference:
        Zhong et al., "Random Erasing Data Augmentation", AAAI 2020, algorithm 1.
    """
    images = jnp.asarray(images)
    report = check_batch("random_erasing", keys, images)
    expect_pixels(report, images)
    report.fraction("probability", probability)
    expect_range(report, "scale", scale, 1e-6, 1.0)
    expect_range(report, "ratio", ratio, 1e-3, 1e3)
    if value != "random":
        expect_fill(report, "value", value, images)
    report.done()
    height, width = images.shape[1:3]
    keys = stream(keys, "random_erasing")
    limit = (height - 1, width - 1)
    wide = (1 / ratio[1], 1 / ratio[0])  # boxes are drawn by width / height
    boxes, fits = draw_boxes(stream(keys, "box"), (height, width), scale, wide, limit)
    erased = fits & (uniform(stream(keys, "whether"), 0, 1) < probability)
    hidden = boxes.masks((height, width)) & per_image(erased)
    return jnp.where(hidden, _paint(keys, images, value), images)


def _paint(keys: Key, images: Array, value: Fill | Literal["random"]) -> Array:
    if value != "random":
        colour = jnp.broadcast_to(jnp.asarray(value, images.dtype), images.shape[-1:])
        return colour[None, None, None]
    draw = jax.random.bits if images.dtype == jnp.uint8 else jax.random.normal
    paint = jax.vmap(lambda key: draw(key, images.shape[1:], images.dtype))
    return paint(stream(keys, "paint"))
