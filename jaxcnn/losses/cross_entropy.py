"""The loss of classification."""

import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxcnn.checks import Report
from jaxcnn.typing import Array


def cross_entropy(logits: ArrayLike, labels: ArrayLike, *, label_smoothing: float = 0.0) -> Array:
    """Return the softmax cross-entropy of each example, in nats.

    `loss = -sum_k q_k log softmax(logits)_k` with the target `q = (1 - a) p + a / K`, where `p` is
    the label as a distribution over the K classes and `a` the label smoothing.

    Args:
        logits: Floating, (..., K): (B, K) for images, (B, H, W, K) for pixels.
        labels: Either classes in [0, K), int (...), or distributions over the classes (one-hot,
            soft or mixed), (..., K). A class outside [0, K) gives NaN with a zero gradient, so
            that it is seen, unless a mask sets it aside.
        label_smoothing: Share `a` of the target spread evenly over all classes, in [0, 1).

    Returns:
        Losses (...), float32, or float64 where an input is. Not reduced: mean and mask are the
        caller's (see `jaxcnn.metrics.masked_sums`).

    Raises:
        TypeError: If `logits` are not floating, or class labels not integers.
        ValueError: If shapes do not fit or `label_smoothing` lies outside [0, 1).

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.losses import cross_entropy
        >>> logits = jnp.log(jnp.array([[0.5, 0.25, 0.25]]))
        >>> print(cross_entropy(logits, jnp.array([0])))  # -ln 0.5
        [0.6931...]
        >>> print(cross_entropy(logits, jnp.array([[0.0, 0.5, 0.5]])))  # -ln 0.25
        [1.386...]

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016,
        section 7 (label smoothing).
    """
    logits, labels = jnp.asarray(logits), jnp.asarray(labels)
    check("cross_entropy", logits, labels, label_smoothing).done()
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    if labels.ndim == logits.ndim:
        target = labels.astype(jnp.promote_types(labels.dtype, logits.dtype))
        return optax.softmax_cross_entropy(logits, optax.smooth_labels(target, label_smoothing))
    classes = logits.shape[-1]
    valid = (labels >= 0) & (labels < classes)
    inside = jnp.where(valid, labels, 0)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, inside)
    if label_smoothing:
        uniform = jnp.full_like(logits, 1 / classes)
        even = optax.softmax_cross_entropy(logits, uniform)
        loss = (1 - label_smoothing) * loss + label_smoothing * even
    return jnp.where(valid, loss, jnp.nan)


def check(function: str, logits: Array, labels: Array, label_smoothing: float) -> Report:
    """Expect logits and a label for each row of them; return the open report."""
    report = Report(function, logits.shape)
    report.fraction("label_smoothing", label_smoothing, closed=False)
    report.floating("logits", logits)
    rule = "must be classes of shape logits.shape[:-1] or distributions of shape logits.shape"
    fits = logits.ndim > 0 and labels.shape in (logits.shape, logits.shape[:-1])
    if report.expect(fits, "labels", labels, rule, "pass one label for each row of logits"):
        classes = labels.ndim == logits.ndim or bool(jnp.issubdtype(labels.dtype, jnp.integer))
        fix = "convert them, labels.astype(jnp.int32)"
        report.expect(classes, "labels", labels, "must be integers", fix, kind=True)
    return report
