"""From a loss for every pixel to one for every image."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.checks import Report, is_int
from jaxcnn.losses.cross_entropy import cross_entropy
from jaxcnn.typing import Array

IGNORE = 255
"""The label of pixels that count nowhere, as in the masks of PASCAL VOC and Cityscapes."""


def pixel_mean(
    losses: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    ignore: int = IGNORE,
) -> Array:
    r"""Return for each image the mean loss of its pixels that count.

    .. math::
        \frac{1}{|\Omega|} \sum_{x \in \Omega} w(x) \, l(x),
        \qquad \Omega = \{x : \mathrm{label}(x) \ne \mathrm{ignore}\}

    An ignored pixel does not enter even if its loss is NaN.

    Args:
        losses: Of each pixel, floating, (B, *S): `cross_entropy` or `focal` of maps of logits.
        labels: Classes, int (B, *S).
        weights: Of each pixel, floating, (B, *S), such as `border_weights`; None for 1. They do
            not enter the divisor: twice the weights are twice the loss.
        ignore: Label of the pixels that do not count.

    Returns:
        Losses (B,), float32 at least; 0 for an image without a pixel that counts.

    Raises:
        TypeError: If `labels` are not integers.
        ValueError: If shapes do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.losses import pixel_mean
        >>> print(pixel_mean(jnp.array([[1.0, 3.0, 99.0]]), jnp.array([[0, 1, 255]])))
        [2.]
    """
    losses, labels = jnp.asarray(losses), jnp.asarray(labels)
    report = Report("pixel_mean", losses.shape)
    fits = losses.ndim > 1 and labels.shape == losses.shape
    fix = "pass the class of every pixel, and losses that are not reduced yet"
    report.expect(fits, "labels", labels, "must have the shape (B, *S) of the losses", fix)
    expect_labels(report, labels, ignore)
    weight = jnp.ones((), losses.dtype) if weights is None else jnp.asarray(weights)
    if weights is not None:
        rule = "must have the shape of the losses"
        report.expect(weight.shape == losses.shape, "weights", weight, rule, "pass one a pixel")
    report.done()
    counted = labels != ignore
    losses = losses.astype(jnp.promote_types(losses.dtype, jnp.float32))
    axes = tuple(range(1, losses.ndim))
    total = jnp.sum(jnp.where(counted, losses * weight, 0), axes)
    return total / jnp.maximum(jnp.sum(counted, axes), 1).astype(total.dtype)


def pixel_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    ignore: int = IGNORE,
    label_smoothing: float = 0.0,
) -> Array:
    r"""Return for each image the mean cross-entropy of its pixels that count, in nats.

    With `border_weights` this is the energy of the U-Net paper, divided by the number of pixels.

    Args:
        logits: Floating, (B, *S, K).
        labels: Classes in [0, K) or `ignore`, int (B, *S). An image with any other has the loss
            NaN, so that it is seen.
        weights: Of each pixel, floating, (B, *S); None for 1.
        ignore: Label of the pixels that do not count.
        label_smoothing: Share of the target spread evenly over all classes, in [0, 1).

    Returns:
        Losses (B,), float32, or float64 where the logits are.

    Raises:
        TypeError: If `logits` are not floating or `labels` not integers.
        ValueError: If shapes do not fit or `label_smoothing` lies outside [0, 1).

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.losses import pixel_cross_entropy
        >>> labels = jnp.array([[[0, 1], [1, 255]]])
        >>> print(pixel_cross_entropy(jnp.zeros((1, 2, 2, 2)), labels))  # ln 2
        [0.6931...]

    Reference:
        Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
        Segmentation", MICCAI 2015, equation 1.
    """
    losses = cross_entropy(logits, labels, label_smoothing=label_smoothing)
    return pixel_mean(losses, labels, weights, ignore=ignore)


def expect_labels(report: Report, labels: Array, ignore: int) -> None:
    """Expect integers, and one as the label that is ignored."""
    integers = bool(jnp.issubdtype(labels.dtype, jnp.integer))
    fix = "convert them, labels.astype(jnp.int32)"
    report.expect(integers, "labels", labels, "must be integers", fix, kind=True)
    report.expect(is_int(ignore), "ignore", ignore, "must be an int", "use 255", kind=True)


def check_maps(function: str, logits: Array, labels: Array, ignore: int) -> Report:
    """Expect logits (B, *S, K) and labels (B, *S); return the open report."""
    report = Report(function, logits.shape)
    report.floating("logits", logits)
    fits = logits.ndim > 2 and labels.shape == logits.shape[:-1]
    fix = "pass the class of every pixel"
    report.expect(fits, "labels", labels, "must have shape (B, *S) for logits (B, *S, K)", fix)
    expect_labels(report, labels, ignore)
    return report


def targets(logits: Array, labels: Array, ignore: int) -> tuple[Array, Array, Array]:
    """Return odds and one-hot targets, both zero where ignored, and whether all labels exist."""
    classes, counted = logits.shape[-1], labels != ignore
    odds = jax.nn.softmax(logits.astype(jnp.promote_types(logits.dtype, jnp.float32)))
    target = jax.nn.one_hot(labels, classes, dtype=odds.dtype)
    known = ~counted | ((labels >= 0) & (labels < classes))
    here = counted[..., None]
    return jnp.where(here, odds, 0), jnp.where(here, target, 0), known


def spatial(array: Array) -> Sequence[int]:
    """Return the axes between the batch and the channels."""
    return tuple(range(1, array.ndim - 1))
