"""The number that is minimised for each example: labels, auxiliary heads, a teacher."""

from typing import Any

import jax

from jaxcnn import losses
from jaxcnn.typing import Array
from train.config import Loss


def label_loss(config: Loss, logits: Array, target: Array) -> Array:
    """Return the loss of logits (B, K) for classes (B,) or shares of classes (B, K)."""
    smoothing = config.label_smoothing
    if config.name == "cross_entropy":
        return losses.cross_entropy(logits, target, label_smoothing=smoothing)
    threshold = config.bce_threshold if config.bce_threshold < 1 else None
    return losses.binary_cross_entropy(
        logits, target, label_smoothing=smoothing, threshold=threshold
    )


def objective(
    config: Loss, logits: Array, target: Array, aux: Any, teacher_logits: Array | None
) -> Array:
    """Return the whole loss per example.

    Args:
        config: Which losses, and their weights.
        logits: Of the network, (B, K).
        target: Classes (B,) or shares of classes (B, K).
        aux: The collection of auxiliary logits, (B, K) each; may be empty.
        teacher_logits: (B, K), or None without a teacher.
    """
    loss = label_loss(config, logits, target)
    if teacher_logits is not None:
        distance = losses.distillation(logits, teacher_logits, temperature=config.temperature)
        loss = (1 - config.distillation) * loss + config.distillation * distance
    for head in jax.tree.leaves(aux):
        loss = loss + config.aux_weight * label_loss(config, head, target)
    return loss
