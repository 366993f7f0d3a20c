"""Paste a rectangle of one example into another, and mix their labels by area."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.boxes import Boxes
from jaxcnn.augment.keys import stream
from jaxcnn.augment.pairs import (
    check_pairs,
    distributions,
    draw_share,
    mix_labels,
    partner,
    partner_counts,
)
from jaxcnn.augment.pixels import per_image
from jaxcnn.typing import Array, Key


def cutmix(
    keys: Key,
    images: ArrayLike,
    labels: ArrayLike,
    *,
    num_classes: int,
    alpha: float = 1.0,
    mask: ArrayLike | None = None,
) -> tuple[Array, Array]:
    r"""Replace a rectangle of each image by the same one of its neighbour i ^ 1.

    The sides are :math:`\sqrt{1 - \lambda}` of the image's, with :math:`\lambda` from
    :math:`\mathrm{Beta}(\alpha, \alpha)`, around a uniform centre; what reaches beyond the border
    is cut off, and the labels are mixed by the area that is left.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: uint8 or floating, (B, H, W, C), B even.
        labels: Classes in [0, num_classes), int (B,), or distributions, floating
            (B, num_classes). A class outside gives NaN.
        num_classes: Length K of the distributions.
        alpha: Of the Beta distribution, > 0; 1 is uniform.
        mask: bool (B,), False where an example counts nowhere: its neighbour stays whole. None
            means that all count.

    Returns:
        Images of the same shape and dtype, and labels as distributions, floating (B, K), for
        `jaxcnn.losses.cross_entropy`.

    Raises:
        TypeError: If `keys` are not typed keys or a dtype does not fit.
        ValueError: If shapes do not fit, B is odd or `alpha` is not positive.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import cutmix, example_keys
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> images, labels = jnp.ones((2, 4, 4, 3), jnp.uint8), jnp.array([0, 2])
        >>> mixed = jax.eval_shape(lambda *a: cutmix(*a, num_classes=3), keys, images, labels)
        >>> [array.shape for array in mixed]
        [(2, 4, 4, 3), (2, 3)]

    Reference:
        Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
        Features", ICCV 2019, section 3 and algorithm A1.
    """
    images, labels = jnp.asarray(images), jnp.asarray(labels)
    check_pairs("cutmix", keys, images, labels, num_classes, alpha, mask)
    size = images.shape[1], images.shape[2]
    keys = stream(keys, "cutmix")
    boxes = _boxes(stream(keys, "centre"), draw_share(stream(keys, "share"), alpha), size)
    alone = ~partner_counts(mask, images.shape[0])
    pasted = boxes.masks(size) & ~per_image(alone)
    own = 1 - boxes.height * boxes.width / (size[0] * size[1])
    mixed = jnp.where(pasted, partner(images), images)
    return mixed, mix_labels(distributions(labels, num_classes), own, alone)


def _boxes(keys: Key, share: Array, size: tuple[int, int]) -> Boxes:
    """Return rectangles of an area of 1 - share around random pixels, cut at the border."""
    half = 0.5 * jnp.sqrt(1 - share)

    def span(name: str, length: int) -> tuple[Array, Array]:
        draw = jax.vmap(lambda key: jax.random.randint(key, (), 0, length, jnp.int32))
        centre = draw(stream(keys, name))
        reach = (half * length).astype(jnp.int32)
        low, high = jnp.maximum(centre - reach, 0), jnp.minimum(centre + reach, length)
        return low, high - low

    (top, height), (left, width) = span("row", size[0]), span("column", size[1])
    return Boxes(top, left, height, width)
