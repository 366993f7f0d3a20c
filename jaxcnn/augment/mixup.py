"""Average two examples and their labels."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.keys import stream
from jaxcnn.augment.pairs import (
    check_pairs,
    distributions,
    draw_share,
    mix_labels,
    partner,
    partner_counts,
)
from jaxcnn.augment.pixels import narrow, per_image, widen
from jaxcnn.typing import Array, Key


def mixup(
    keys: Key,
    images: ArrayLike,
    labels: ArrayLike,
    *,
    num_classes: int,
    alpha: float = 0.2,
    mask: ArrayLike | None = None,
) -> tuple[Array, Array]:
    r"""Average each example with its neighbour i ^ 1, image and label in the same shares.

    .. math::
        x_i' = \lambda_i x_i + (1 - \lambda_i) x_{i \oplus 1}, \qquad
        \lambda_i \sim \mathrm{Beta}(\alpha, \alpha)

    Each example draws its own share. Neighbours lie on one device wherever its part of the batch
    is even, so the result does not depend on the number of devices.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: uint8 or floating, (B, H, W, C), B even.
        labels: Classes in [0, num_classes), int (B,), or distributions, floating
            (B, num_classes). A class outside gives NaN.
        num_classes: Length K of the distributions.
        alpha: Of the Beta distribution, > 0: small values mix little, 1 is uniform.
        mask: bool (B,), False where an example counts nowhere: its neighbour stays alone. None
            means that all count.

    Returns:
        Images of the same shape and dtype (bytes are rounded to the nearest), and labels as
        distributions, floating (B, K), for `jaxcnn.losses.cross_entropy`.

    Raises:
        TypeError: If `keys` are not typed keys or a dtype does not fit.
        ValueError: If shapes do not fit, B is odd or `alpha` is not positive.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys, mixup
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> images, labels = jnp.ones((2, 4, 4, 3), jnp.uint8), jnp.array([0, 2])
        >>> mixed = jax.eval_shape(lambda *a: mixup(*a, num_classes=3), keys, images, labels)
        >>> [array.shape for array in mixed]
        [(2, 4, 4, 3), (2, 3)]

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, section 2.
    """
    images, labels = jnp.asarray(images), jnp.asarray(labels)
    check_pairs("mixup", keys, images, labels, num_classes, alpha, mask)
    share = draw_share(stream(keys, "mixup"), alpha)
    alone = ~partner_counts(mask, images.shape[0])
    values = widen(images)
    own = per_image(share.astype(values.dtype))
    mixed = narrow(own * values + (1 - own) * partner(values), images.dtype)
    mixed = jnp.where(per_image(alone), images, mixed)
    return mixed, mix_labels(distributions(labels, num_classes), share, alone)
