"""One yes-or-no question for each class."""

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxcnn.losses.cross_entropy import check
from jaxcnn.typing import Array


def binary_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    threshold: float | None = None,
) -> Array:
    r"""Return the mean over the classes of the sigmoid cross-entropy of each example, in nats.

    .. math::
        -\frac{1}{K} \sum_k q_k \log \sigma(z_k) + (1 - q_k) \log(1 - \sigma(z_k)),
        \qquad q = (1 - a) p + a / K

    The classes do not compete: an example may be of several, as after mixup or CutMix, where the
    target of each is its share of the image, or 1 with a `threshold`.

    Args:
        logits: Floating, (..., K).
        labels: Classes in [0, K), int (...), or targets in [0, 1], (..., K), whose sum is free.
            A class outside [0, K) gives NaN with a zero gradient, unless a mask sets it aside.
        label_smoothing: Share `a` of the target spread evenly over all classes, in [0, 1).
        threshold: Targets above it, after smoothing, become 1 and all others 0; None leaves them.

    Returns:
        Losses (...), float32, or float64 where an input is; not reduced.

    Raises:
        TypeError: If `logits` are not floating, or class labels not integers.
        ValueError: If shapes do not fit or an option lies outside its range.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.losses import binary_cross_entropy
        >>> print(binary_cross_entropy(jnp.zeros((1, 4)), jnp.array([2])))  # ln 2
        [0.6931...]

    Reference:
        Wightman, Touvron, Jégou, "ResNet strikes back", 2021, section 3; Beyer et al., "Are we
        done with ImageNet?", 2020, section 6.
    """
    logits, labels = jnp.asarray(logits), jnp.asarray(labels)
    report = check("binary_cross_entropy", logits, labels, label_smoothing)
    if threshold is not None:
        report.fraction("threshold", threshold, closed=False)
    report.done()
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    classes = logits.shape[-1]
    valid = jnp.ones(logits.shape[:-1], bool)
    if labels.ndim < logits.ndim:
        valid = (labels >= 0) & (labels < classes)
        labels = jax.nn.one_hot(labels, classes, dtype=logits.dtype)
    target = labels.astype(jnp.promote_types(labels.dtype, logits.dtype))
    target = optax.smooth_labels(target, label_smoothing)
    if threshold is not None:
        target = (target > threshold).astype(target.dtype)
    loss = optax.sigmoid_binary_cross_entropy(logits, target).mean(-1)
    return jnp.where(valid, loss, jnp.nan)
