"""One random operation of random strength."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.affine_warp import Interpolation
from jaxcnn.augment.keys import stream
from jaxcnn.augment.operations import Space, apply
from jaxcnn.augment.pixels import Fill
from jaxcnn.augment.rand_augment import check_policy, draw
from jaxcnn.typing import Array, Key

WIDE = Space(shear=0.99, translate=(32.0, 32.0), rotate=135.0, blend=0.99, posterize=6)


def trivial_augment(
    keys: Key,
    images: ArrayLike,
    *,
    bins: int = 31,
    interpolation: Interpolation = "nearest",
    fill: Fill = 0.0,
) -> Array:
    """Apply to each image one operation drawn from fourteen, of a strength drawn for it.

    The operations are those of `rand_augment`, within the wide ranges of the paper; there is
    nothing to tune.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: uint8, (B, H, W, C), with C = 1 or 3. Shifts reach 32 pixels whatever the size.
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
        >>> from jaxcnn.augment import example_keys, trivial_augment
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> images = jnp.ones((2, 8, 8, 3), jnp.uint8)
        >>> jax.eval_shape(trivial_augment, keys, images).shape
        (2, 8, 8, 3)

    Reference:
        Müller and Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation",
        ICCV 2021, section 3 and table 1 (Wide).
    """
    images = jnp.asarray(images)
    check_policy("trivial_augment", keys, images, bins, interpolation, fill).done()
    choice, sign, place = draw(stream(keys, "trivial_augment"), bins)
    amount = jnp.asarray(WIDE.amounts(bins))[choice, place] * sign
    return apply(images, choice, amount, interpolation, fill)
