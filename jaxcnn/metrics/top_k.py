"""Whether the true class is among the k most probable."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.checks import Report
from jaxcnn.metrics.checks import expect_classes
from jaxcnn.typing import Array


def top_k_hits(logits: ArrayLike, labels: ArrayLike, k: int) -> Array:
    """Tell for each example whether its class is among the k largest logits.

    A class that ties with others counts in the order of `argmax` and `lax.top_k`, the lower class
    first: so `k = 1` agrees with `argmax(logits) == labels`, the hits of a confusion matrix with
    its diagonal, and a network that gives every class the same logit scores at chance, not 100 %.
    Found by counting the classes that come before, without a sort.

    Args:
        logits: Floating, (..., K). A row that holds a NaN has no order and is never a hit.
        labels: Classes in [0, K), int (...); a class outside is never a hit.
        k: Number of guesses, >= 1. With k >= K every row without NaN is a hit.

    Returns:
        bool (...).

    Raises:
        TypeError: If `labels` are not integers, `logits` not floating or `k` is not an int.
        ValueError: If shapes do not fit or k < 1.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.metrics import top_k_hits
        >>> logits = jnp.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])
        >>> top_k_hits(logits, jnp.array([2, 0]), 1).tolist()
        [False, True]
        >>> top_k_hits(logits, jnp.array([2, 0]), 2).tolist()
        [True, True]

    Reference:
        Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV 2015,
        section 4.1 (top-5 error).
    """
    logits, labels = jnp.asarray(logits), jnp.asarray(labels)
    report = Report("top_k_hits", logits.shape)
    expect_classes(report, labels=labels)
    report.floating("logits", logits)
    report.count("k", k)
    fits = logits.ndim > 0 and labels.shape == logits.shape[:-1]
    fix = "pass one label for each row of logits"
    report.expect(fits, "labels", labels, "must have the shape logits.shape[:-1]", fix)
    report.done()
    classes = jnp.arange(logits.shape[-1]).reshape((1,) * labels.ndim + (-1,))
    valid = (labels >= 0) & (labels < logits.shape[-1])
    label = jnp.where(valid, labels, 0)[..., None]
    own = jnp.take_along_axis(logits, label, axis=-1)
    before = (logits > own) | ((logits == own) & (classes < label))
    ordered = ~jnp.isnan(logits).any(axis=-1)
    return (before.sum(axis=-1) < k) & ordered & valid
