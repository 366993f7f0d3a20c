"""Mirror images left to right."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.keys import check_batch, stream
from jaxcnn.typing import Array, Key


def horizontal_flip(keys: Key, images: ArrayLike, probability: float = 0.5) -> Array:
    """Mirror each image left to right with the given probability.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: Any dtype, (B, H, W, C).
        probability: Chance of a flip, in [0, 1].

    Returns:
        Images of the same shape and dtype.

    Raises:
        TypeError: If `keys` are not typed keys.
        ValueError: If shapes do not fit or `probability` lies outside [0, 1].

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys, horizontal_flip
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(1))
        >>> images = jnp.arange(3).reshape(1, 1, 3, 1)
        >>> horizontal_flip(keys, images, 1.0).ravel().tolist()
        [2, 1, 0]

    Reference:
        Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural
        Networks", NeurIPS 2012, section 4.1.
    """
    images = jnp.asarray(images)
    report = check_batch("horizontal_flip", keys, images)
    report.fraction("probability", probability)
    report.done()
    draw = jax.vmap(lambda key: jax.random.bernoulli(key, probability))
    flipped = draw(stream(keys, "horizontal_flip"))
    return jnp.where(flipped[:, None, None, None], images[:, :, ::-1], images)
