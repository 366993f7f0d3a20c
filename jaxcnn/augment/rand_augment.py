"""A few random operations of one strength."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.affine_warp import INTERPOLATIONS, Interpolation
from jaxcnn.augment.keys import check_batch, stream
from jaxcnn.augment.operations import OPERATIONS, SIGNED, Space, apply
from jaxcnn.augment.pixels import Fill, expect_colours, expect_fill
from jaxcnn.checks import Report
from jaxcnn.typing import Array, Key


def rand_augment(
    keys: Key,
    images: ArrayLike,
    *,
    num_ops: int = 2,
    magnitude: int = 9,
    bins: int = 31,
    interpolation: Interpolation = "nearest",
    fill: Fill = 0.0,
) -> Array:
    """Apply to each image a few operations drawn from fourteen, all of one strength.

    The operations are identity, shear and shift along each axis, rotation, brightness, saturation,
    contrast, sharpness, posterize, solarize, autocontrast and equalize, with torchvision's ranges
    at `magnitude / (bins - 1)`; the first nine take either sign.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: uint8, (B, H, W, C), with C = 1 or 3.
        num_ops: Operations in a row, >= 1; one may be drawn twice.
        magnitude: Strength of them all, in [0, bins).
        bins: Number of strengths, >= 2.
        interpolation: Of what moves pixels: `nearest` or `bilinear`.
        fill: What is seen outside the image: one number, or one for each channel.

    Returns:
        uint8 (B, H, W, C).

    Raises:
        TypeError: If `keys` are not typed keys or the images are not uint8.
        ValueError: If shapes do not fit or an option lies outside its range.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys, rand_augment
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> images = jnp.ones((2, 8, 8, 3), jnp.uint8)
        >>> jax.eval_shape(lambda k, x: rand_augment(k, x, magnitude=5), keys, images).shape
        (2, 8, 8, 3)

    Reference:
        Cubuk et al., "RandAugment: Practical Automated Data Augmentation with a Reduced Search
        Space", NeurIPS 2020, section 3.
    """
    images = jnp.asarray(images)
    report = check_policy("rand_augment", keys, images, bins, interpolation, fill)
    report.count("num_ops", num_ops)
    level = report.count("magnitude", magnitude, low=0)
    rule, fix = f"must be less than the {bins} bins", "use 5 to 15 of 31"
    report.expect(level < bins, "magnitude", magnitude, rule, fix)
    report.done()
    height, width = images.shape[1:3]
    shift = (150 / 331 * width, 150 / 331 * height)
    amounts = Space(0.3, shift, 30.0, 0.9, 4).amounts(bins)[:, level]

    def one(images: Array, keys: Key) -> tuple[Array, None]:
        choice, sign, _ = draw(keys, bins)
        amount = jnp.asarray(amounts)[choice] * sign
        return apply(images, choice, amount, interpolation, fill), None

    # A scan compiles one round, however many there are.
    rounds = jax.vmap(lambda key: jax.random.split(key, num_ops), out_axes=1)(
        stream(keys, "rand_augment")
    )
    return jax.lax.scan(one, images, rounds)[0]


def draw(keys: Key, bins: int) -> tuple[Array, Array, Array]:
    """Draw for each image an operation, its sign and its bin, (B,) each."""
    draws = (
        jax.vmap(lambda key, top=top: jax.random.randint(key, (), 0, top, jnp.int32))(
            stream(keys, name)
        )
        for name, top in (("operation", len(OPERATIONS)), ("sign", 2), ("bin", bins))
    )
    choice, sign, place = draws
    return choice, jnp.where(jnp.asarray(SIGNED)[choice], 1 - 2 * sign, 1), place


def check_policy(
    function: str, keys: Key, images: Array, bins: int, interpolation: str, fill: Fill
) -> Report:
    """Expect what both policies expect; return the open report."""
    report = check_batch(function, keys, images)
    fix = "augment bytes, before normalize"
    report.expect(images.dtype == jnp.uint8, "images", images, "must be uint8", fix, kind=True)
    expect_colours(report, images)
    report.count("bins", bins, low=2)
    report.choice("interpolation", interpolation, INTERPOLATIONS)
    expect_fill(report, "fill", fill, images)
    return report
