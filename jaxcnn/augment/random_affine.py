"""Turn, move, scale, shear and mirror at random, in a single resampling."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.affine_matrices import affine_matrices
from jaxcnn.augment.affine_warp import INTERPOLATIONS, Interpolation, affine_warp
from jaxcnn.augment.keys import check_batch, check_keys, stream
from jaxcnn.augment.pixels import Fill, Range, expect_fill, expect_pixels, expect_range
from jaxcnn.checks import Report, is_number
from jaxcnn.typing import Array, Key


def random_affine(
    keys: Key,
    images: ArrayLike,
    *,
    degrees: float = 0.0,
    translate: float = 0.0,
    scale: Range = (1.0, 1.0),
    shear: float = 0.0,
    flip: float = 0.0,
    interpolation: Interpolation = "bilinear",
    fill: Fill = 0.0,
) -> Array:
    """Turn, move, scale, shear and mirror each image about its middle by its own random amounts.

    All amounts are uniform and enter one matrix, so an image is resampled once, whatever is on.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: uint8 or floating, (B, H, W, C); with `nearest` any dtype.
        degrees: Largest angle to either side, >= 0.
        translate: Largest shift in either direction, as a share of the width and of the height.
        scale: Smallest and largest magnification, > 0.
        shear: Largest angle of shear along each axis, in degrees, in [0, 90).
        flip: Chance that left and right are exchanged, in [0, 1].
        interpolation: `bilinear`, or `nearest` for masks of classes: the same keys move an image
            and its mask alike.
        fill: What is seen outside the input: one number, or one for each channel.

    Returns:
        Images of the same shape and dtype.

    Raises:
        TypeError: If `keys` are not typed keys or the dtype of the images does not fit.
        ValueError: If shapes do not fit or an amount lies outside its range.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys, random_affine
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> images = jnp.zeros((2, 8, 8, 3), jnp.uint8)
        >>> jax.eval_shape(lambda k, x: random_affine(k, x, degrees=15), keys, images).shape
        (2, 8, 8, 3)

    Reference:
        Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks Applied to
        Visual Document Analysis", ICDAR 2003, section 2.
    """
    images = jnp.asarray(images)
    report = check_batch("random_affine", keys, images)
    report.choice("interpolation", interpolation, INTERPOLATIONS)
    if interpolation == "bilinear":
        expect_pixels(report, images)
    expect_fill(report, "fill", fill, images)
    _expect_amounts(report, degrees, translate, scale, shear, flip)
    report.done()
    size = (images.shape[1], images.shape[2])
    matrices = random_matrices(
        keys, size, degrees=degrees, translate=translate, scale=scale, shear=shear, flip=flip
    )
    return affine_warp(images, matrices, interpolation=interpolation, fill=fill)


def random_matrices(
    keys: Key,
    size: tuple[int, int],
    *,
    degrees: float = 0.0,
    translate: float = 0.0,
    scale: Range = (1.0, 1.0),
    shear: float = 0.0,
    flip: float = 0.0,
) -> Array:
    """Draw the map of each image for `affine_warp`: what `random_affine` applies.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        size: Height and width of the images, in pixels.
        degrees: Largest angle to either side, >= 0.
        translate: Largest shift in either direction, as a share of the width and of the height.
        scale: Smallest and largest magnification, > 0.
        shear: Largest angle of shear along each axis, in degrees, in [0, 90).
        flip: Chance that left and right are exchanged, in [0, 1].

    Returns:
        Matrices as of `affine_matrices`, float32 (B, 3, 3).

    Raises:
        TypeError: If `keys` are not typed keys.
        ValueError: If `size` is not two ints >= 1 or an amount lies outside its range.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys, random_matrices
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> jax.eval_shape(lambda k: random_matrices(k, (8, 8), degrees=15), keys).shape
        (2, 3, 3)
    """
    report = check_keys("random_matrices", keys)
    height, width = report.ints("size", size, 2)
    _expect_amounts(report, degrees, translate, scale, shear, flip)
    report.done()
    draws = jax.vmap(lambda key: jax.random.uniform(key, (7,), jnp.float32))(
        stream(keys, "random_affine")
    )
    sides = 2 * draws - 1
    slope = jnp.tan(jnp.deg2rad(shear * sides[:, 4:6]))
    return affine_matrices(
        (height, width),
        angle=degrees * sides[:, 0],
        translate_x=translate * width * sides[:, 1],
        translate_y=translate * height * sides[:, 2],
        scale=scale[0] + (scale[1] - scale[0]) * draws[:, 3],
        shear_x=slope[:, 0],
        shear_y=slope[:, 1],
        flip=draws[:, 6] < flip,
    )


def _expect_amounts(
    report: Report, degrees: float, translate: float, scale: Range, shear: float, flip: float
) -> None:
    for name, value, bound in (("degrees", degrees, 360.0), ("shear", shear, 89.0)):
        ok = is_number(value) and 0 <= value <= bound
        fix = "pass the largest angle in degrees"
        report.expect(ok, name, value, f"must be a number in [0, {bound:g}]", fix)
    report.fraction("translate", translate)
    report.fraction("flip", flip)
    expect_range(report, "scale", scale, 1e-3, 1e3)
