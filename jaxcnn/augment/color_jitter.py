"""Random brightness, contrast, saturation and hue."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.blends import blend
from jaxcnn.augment.hue import turn_hue
from jaxcnn.augment.keys import stream
from jaxcnn.augment.pixels import (
    Range,
    check_pixels,
    expect_colours,
    expect_range,
    narrow,
    uniform,
    white,
    widen,
)
from jaxcnn.checks import Report, is_number
from jaxcnn.typing import Array, Key

BLENDS = ("brightness", "contrast", "saturation")


def color_jitter(
    keys: Key,
    images: ArrayLike,
    *,
    brightness: float | Range = 0.0,
    contrast: float | Range = 0.0,
    saturation: float | Range = 0.0,
    hue: float | Range = 0.0,
) -> Array:
    """Change brightness, contrast, saturation and hue of each image by its own random amounts.

    A factor f, uniform within its range, gives `clip(f x + (1 - f) d)`, where d is black for
    brightness, the image's mean grey for contrast and each pixel's grey for saturation. The three
    come in random order, and then the hue: torchvision shuffles all four, but the hue, the one
    change that is no blend, would have to be computed at every place for every image.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: uint8, or floats within [0, 1], (B, H, W, C) with C = 3, or 1, where saturation
            and hue change nothing.
        brightness: Largest change a >= 0 of the factor, which is within [max(0, 1 - a), 1 + a];
            or its smallest and largest value.
        contrast: The same for contrast.
        saturation: The same for saturation.
        hue: Largest turn of the circle of colours, in [0, 0.5], either way; or the smallest and
            the largest, in [-0.5, 0.5].

    Returns:
        Images of the same shape and dtype; bytes are rounded to the nearest, once.

    Raises:
        TypeError: If `keys` are not typed keys or the dtype of the images does not fit.
        ValueError: If shapes do not fit or an amount lies outside its range.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import color_jitter, example_keys
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> images = jnp.ones((2, 8, 8, 3), jnp.uint8)
        >>> jax.eval_shape(lambda k, x: color_jitter(k, x, hue=0.1), keys, images).dtype
        dtype('uint8')

    Reference:
        Howard, "Some Improvements on Deep Convolutional Neural Network Based Image
        Classification", 2013, section 2 (brightness, contrast, colour); the ranges are those of
        torchvision's ColorJitter.
    """
    images = jnp.asarray(images)
    report = check_pixels("color_jitter", keys, images)
    expect_colours(report, images)
    amounts = (brightness, contrast, saturation)
    ranges = [
        _range(report, name, amount, 1.0, 0.0, 1e3)
        for name, amount in zip(BLENDS, amounts, strict=True)
    ]
    turns = _range(report, "hue", hue, 0.0, -0.5, 0.5)
    report.done()
    keys = stream(keys, "color_jitter")
    factors = jnp.stack(
        [uniform(stream(keys, name), *r) for name, r in zip(BLENDS, ranges, strict=True)], -1
    )
    order = jax.vmap(lambda key: jax.random.permutation(key, len(BLENDS)))(stream(keys, "order"))
    values = widen(images)
    if any(r != (1.0, 1.0) for r in ranges):
        for choice in order.T:
            factor = jnp.take_along_axis(factors, choice[:, None], 1)[:, 0]
            values = blend(values, BLENDS, choice, factor, white(images))
    if turns != (0.0, 0.0):
        values = turn_hue(values, uniform(stream(keys, "hue"), *turns))
    return narrow(values, images.dtype)


def _range(
    report: Report, name: str, amount: float | Range, middle: float, low: float, high: float
) -> Range:
    """Return the range that one number or two stand for."""
    if not is_number(amount):
        expect_range(report, name, amount, low, high)  # type: ignore[arg-type]
        return tuple(amount)  # type: ignore[arg-type]
    largest = high - middle
    rule = f"must be a number in [0, {largest:g}], or two"
    report.expect(0 <= amount <= largest, name, amount, rule, f"use {name}=0.1")  # type: ignore[operator]
    return max(low, middle - amount), middle + amount  # type: ignore[operator,return-value]
