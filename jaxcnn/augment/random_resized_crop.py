"""The crop of random area and proportion with which ImageNet networks are trained."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.affine_warp import INTERPOLATIONS, Interpolation
from jaxcnn.augment.boxes import draw_boxes
from jaxcnn.augment.keys import check_batch, stream
from jaxcnn.augment.pixels import Range, expect_pixels, expect_range, narrow, widen
from jaxcnn.typing import Array, IntOrTuple, Key


def random_resized_crop(
    keys: Key,
    images: ArrayLike,
    size: IntOrTuple,
    *,
    scale: Range = (0.08, 1.0),
    ratio: Range = (3 / 4, 4 / 3),
    interpolation: Interpolation = "bilinear",
    antialias: bool = True,
) -> Array:
    """Cut a rectangle of random area and proportion and resize it to `size`.

    The area is uniform, the proportion log-uniform; of ten draws the first that fits in the image
    stands, and where none does, the largest middle rectangle of a proportion within `ratio`.

    With `antialias` the triangle filter widens where the crop is made smaller, as Pillow's does:
    each pixel is a weighted mean over all the crop it covers. Networks that are evaluated on
    images resized by Pillow should be trained so. Without it, four neighbours are mixed.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: uint8 or floating, (B, H, W, C); with `nearest` any dtype. Images of different
            sizes make no batch: cut those on the host.
        size: Of the result, one int or (height, width), in pixels.
        scale: Smallest and largest area of the crop, as shares of the image, in (0, 1].
        ratio: Smallest and largest width / height.
        interpolation: `bilinear`, or `nearest` for masks of classes: the same keys cut an image
            and its mask alike.
        antialias: Whether the filter widens with the reduction; `nearest` does not read it.

    Returns:
        Images (B, height, width, C) of the same dtype; bytes are rounded to the nearest.

    Raises:
        TypeError: If `keys` are not typed keys or the dtype of the images does not fit.
        ValueError: If shapes do not fit or a range cannot be meant.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys, random_resized_crop
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> images = jnp.zeros((2, 12, 16, 3), jnp.uint8)
        >>> jax.eval_shape(lambda k, x: random_resized_crop(k, x, 8), keys, images).shape
        (2, 8, 8, 3)

    Reference:
        Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6; the draws follow
        torchvision's RandomResizedCrop.
    """
    images = jnp.asarray(images)
    report = check_batch("random_resized_crop", keys, images)
    report.choice("interpolation", interpolation, INTERPOLATIONS)
    if interpolation == "bilinear":
        expect_pixels(report, images)
    height, width = report.ints("size", size, 2)
    expect_range(report, "scale", scale, 1e-6, 1.0)
    expect_range(report, "ratio", ratio, 1e-3, 1e3)
    report.done()
    full = images.shape[1], images.shape[2]
    found, fits = draw_boxes(stream(keys, "random_resized_crop"), full, scale, ratio, full)
    middle = _middle(full, ratio)
    top, left, tall, wide = (
        jnp.where(fits, drawn, constant) for drawn, constant in zip(found, middle, strict=True)
    )
    if interpolation == "nearest":
        rows, columns = _nearest(top, tall, height), _nearest(left, wide, width)
        batch = jnp.arange(images.shape[0])[:, None, None]
        return images[batch, rows[:, :, None], columns[:, None, :]]
    rows = _weights(top, tall, full[0], height, antialias)
    columns = _weights(left, wide, full[1], width, antialias)
    return _resample(images, rows, columns)


def _middle(size: tuple[int, int], ratio: Range) -> tuple[int, ...]:
    """Return top, left, height and width of the largest middle crop within `ratio`."""
    height, width = size
    tall = min(height, round(width / ratio[0]))
    wide = min(width, round(height * ratio[1]))
    return (height - tall) // 2, (width - wide) // 2, max(tall, 1), max(wide, 1)


def _nearest(start: Array, length: Array, out: int) -> Array:
    """Return for each output the input whose pixel holds its centre, (B, out)."""
    odd = 2 * jnp.arange(out)[None] + 1
    return start[:, None] + odd * length[:, None] // (2 * out)


def _weights(start: Array, length: Array, size: int, out: int, antialias: bool) -> Array:
    """Return the share of each input in each output along one axis, (B, out, size)."""
    step = (length / out)[:, None]
    centre = (start[:, None] + (jnp.arange(out)[None] + 0.5) * step)[..., None]
    reach = jnp.maximum(step, 1.0)[..., None] if antialias else 1.0
    pixel = jnp.arange(size)[None, None]
    weights = jnp.maximum(0, 1 - jnp.abs(pixel + 0.5 - centre) / reach)
    # What lies outside the crop is no part of it: the rest shares its weight.
    first = start[:, None, None]
    inside = (pixel >= first) & (pixel < first + length[:, None, None])
    weights = jnp.where(inside, weights, 0)
    return weights / weights.sum(-1, keepdims=True)


def _resample(images: Array, rows: Array, columns: Array) -> Array:
    wide = widen(images)
    # Accelerators multiply float32 in fewer bits than a pixel has.
    mixed = jnp.einsum("bph,bhwc->bpwc", rows.astype(wide.dtype), wide, precision="highest")
    mixed = jnp.einsum("bqw,bpwc->bpqc", columns.astype(wide.dtype), mixed, precision="highest")
    return narrow(mixed, images.dtype)
