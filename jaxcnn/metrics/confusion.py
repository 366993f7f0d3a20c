"""Which classes are taken for which."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.checks import Report
from jaxcnn.metrics.checks import expect_classes, expect_mask
from jaxcnn.typing import Array


def confusion_matrix(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int, mask: ArrayLike | None = None
) -> Array:
    """Count how often each class was predicted for each true class.

    Args:
        labels: True classes, int, any shape: (B,) for images, (B, H, W) for pixels.
        predictions: Predicted classes, int, of the same shape.
        num_classes: Number of classes K, >= 1.
        mask: bool of the same shape, True where an example counts; None counts all.

    Returns:
        int32 (K, K): the row is the true class, the column the predicted one; matrices of parts
        add up to the matrix of the whole. An example whose label or prediction lies outside
        [0, K), such as the 255 that marks ignored pixels, is counted nowhere.

    Raises:
        TypeError: If classes are not integers or `mask` is not bool.
        ValueError: If shapes differ or `num_classes` < 1.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.metrics import confusion_matrix
        >>> confusion_matrix(jnp.array([0, 0, 1]), jnp.array([0, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    labels, predictions = jnp.asarray(labels), jnp.asarray(predictions)
    report = Report("confusion_matrix", labels.shape)
    expect_classes(report, labels=labels, predictions=predictions)
    rule, fix = f"must have the shape of labels, {labels.shape}", "pass one prediction a label"
    report.expect(predictions.shape == labels.shape, "predictions", predictions, rule, fix)
    report.count("num_classes", num_classes)
    counted = jnp.ones(labels.shape, bool) if mask is None else jnp.asarray(mask)
    expect_mask(report, counted, labels.shape)
    report.done()
    counted &= _inside(labels, num_classes) & _inside(predictions, num_classes)
    counts = jnp.zeros((num_classes, num_classes), jnp.int32)
    return counts.at[jnp.where(counted, labels, 0), jnp.where(counted, predictions, 0)].add(
        counted.astype(jnp.int32)
    )


def _inside(classes: Array, num_classes: int) -> Array:
    return (classes >= 0) & (classes < num_classes)
