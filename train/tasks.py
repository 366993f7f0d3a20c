"""What is minimised: from a batch of stored images to a loss and hits per example."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn import augment, losses, metrics
from jaxcnn.typing import Array, Variables
from train.config import Augment
from train.transfer import Transfer

Batch = dict[str, Any]


@dataclass(frozen=True)
class Classification:
    """Image classification: cross-entropy, judged by top-1 and top-5."""

    model: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: Augment
    label_smoothing: float = 0.0
    transfer: Transfer = Transfer()

    def prepare(self, images: Array) -> Array:
        """Normalise uint8 images (B, H, W, C) to the float type in force."""
        return augment.normalize(images, self.mean, self.std, dtype=jnp.result_type(float))

    def randomize(self, keys: Array, images: Array) -> Array:
        """Augment uint8 images (B, H, W, C), each with its own key."""
        if self.augment.pad_crop:
            images = augment.pad_crop(keys, images, self.augment.pad_crop)
        if self.augment.flip:
            images = augment.horizontal_flip(keys, images)
        return images

    def train_loss(
        self, variables: Variables, batch: Batch, keys: Array, rngs: dict[str, Any], step: Array
    ) -> tuple[Array, tuple[dict[str, Array], Any]]:
        """Return the summed loss of the real examples, and (sums of metrics, new statistics)."""
        images = self.prepare(self.randomize(keys, batch["image"]))
        variables = {**variables, "params": self.transfer.params(variables["params"])}
        apply = self.transfer.apply(self.model.apply, step)
        logits, updates = apply(variables, images, train=True, rngs=rngs, mutable=["batch_stats"])
        per_example = losses.cross_entropy(
            logits, batch["label"], label_smoothing=self.label_smoothing
        )
        loss = jnp.sum(jnp.where(batch["mask"], per_example, 0))
        sums = {"loss": loss, **hits(logits, batch), "count": jnp.sum(batch["mask"])}
        return loss, (sums, updates.get("batch_stats", {}))

    def predict(self, variables: Variables, batch: Batch) -> dict[str, Array]:
        """Return per example the loss, the label's probability and the best classes (B, k)."""
        logits: Any = self.model.apply(variables, self.prepare(batch["image"]), train=False)
        probabilities = jax.nn.softmax(logits)
        # By logits: probabilities that round to one number, or to zero, have no order left.
        _, top_classes = jax.lax.top_k(logits, min(5, logits.shape[-1]))
        label = batch["label"][:, None]
        broken = jnp.isnan(probabilities).any(axis=1, keepdims=True)  # top_k puts NaN first
        return {
            "losses": losses.cross_entropy(logits, batch["label"]),
            "label_probabilities": jnp.take_along_axis(probabilities, label, 1)[:, 0],
            "top_probabilities": jnp.take_along_axis(probabilities, top_classes, 1),
            "top_classes": jnp.where(broken, -1, top_classes),
        }


def hits(logits: Array, batch: Batch) -> dict[str, Array]:
    """Count the real examples whose class is the first, and among the first five."""
    return {
        f"top{k}": jnp.sum(metrics.top_k_hits(logits, batch["label"], k) & batch["mask"])
        for k in (1, 5)
    }
