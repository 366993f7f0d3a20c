"""The overlap of what is said with what is true."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.checks import is_number
from jaxcnn.losses.pixels import IGNORE, check_maps, spatial, targets
from jaxcnn.typing import Array


def dice(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    ignore: int = IGNORE,
    smooth: float = 1.0,
    squared: bool = False,
    absent: bool = True,
) -> Array:
    r"""Return for each image one minus the mean Dice coefficient of the classes.

    .. math::
        1 - \frac{1}{K} \sum_k
        \frac{2 \sum_x p_k(x) q_k(x) + s}{\sum_x p_k(x) + \sum_x q_k(x) + s},
        \qquad p = \mathrm{softmax}(z)

    where `q` is 1 in the true class of a pixel. A class weighs as much as any other however few
    its pixels are; one that is neither there nor said costs nothing, by `s`.

    Args:
        logits: Floating, (B, *S, K).
        labels: Classes in [0, K) or `ignore`, int (B, *S). An image with any other has the loss
            NaN, so that it is seen.
        ignore: Label of the pixels that do not count.
        smooth: The number `s` > 0, in pixels.
        squared: Whether the divisor adds up squares, as in the paper.
        absent: Whether the mean is also over classes that an image has not. Each then costs much
            for a few wrong pixels: right where one class is sought, but of many classes in small
            images it teaches to say none.

    Returns:
        Losses in [0, 1), (B,), float32, or float64 where the logits are.

    Raises:
        TypeError: If `logits` are not floating or `labels` not integers.
        ValueError: If shapes do not fit or `smooth` is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.losses import dice
        >>> labels = jnp.array([[0, 0, 1, 255]])
        >>> print(dice(99 * jnp.array([[[1.0, 0], [1, 0], [0, 1], [0, 1]]]), labels))
        [0.]

    Reference:
        Milletari, Navab, Ahmadi, "V-Net: Fully Convolutional Neural Networks for Volumetric
        Medical Image Segmentation", 3DV 2016, section 3; without squares Drozdzal et al., "The
        Importance of Skip Connections in Biomedical Image Segmentation", 2016, section 3.
    """
    logits, labels = jnp.asarray(logits), jnp.asarray(labels)
    report = check_maps("dice", logits, labels, ignore)
    ok = is_number(smooth) and smooth > 0
    report.expect(ok, "smooth", smooth, "must be a number > 0", "use smooth=1.0")
    report.done()
    odds, target, known = targets(logits, labels, ignore)
    axes = spatial(logits)
    said = odds**2 if squared else odds
    overlap = jnp.sum(odds * target, axes)
    both = jnp.sum(said, axes) + jnp.sum(target, axes)  # a square of 0 or 1 is itself
    score = (2 * overlap + smooth) / (both + smooth)
    counted = jnp.full_like(score, True) if absent else (target.sum(axes) > 0).astype(score.dtype)
    loss = jnp.sum(counted * (1 - score), -1) / jnp.maximum(counted.sum(-1), 1)
    return jnp.where(known.all(axes), loss, jnp.nan)
