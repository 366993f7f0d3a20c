"""What is minimised: from a batch of stored images to a loss and hits per example."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxcnn import augment, losses, metrics
from jaxcnn.typing import Array, Key, Variables
from train.augmentation import Batch, mixed, randomize, repeated
from train.config import Augment, Loss
from train.evaluate import Evaluation
from train.forward import forward, mean_of_two
from train.objective import objective
from train.transfer import Transfer

__all__ = ["Batch", "Classification", "hits"]


@dataclass(frozen=True)
class Classification:
    """Image classification, judged by top-1 and top-5."""

    model: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: Augment
    loss: Loss = field(default_factory=Loss, hash=False)
    transfer: Transfer = Transfer()
    size: int = 0
    """Height and width of the training images; 0 keeps those of the data."""
    remat: str = "none"
    teacher: nn.Module | None = None
    """Network whose odds are learnt; its variables come with every call."""

    sums: ClassVar[tuple[str, ...]] = ("loss", "top1", "top5", "count")
    """Metrics of a step that add up over steps."""
    headline: ClassVar[str] = "top1"
    """The figure by which networks are ranked."""
    accuracy: ClassVar[str] = "top1"
    """The figure that the progress shows."""

    def prepare(self, images: Array) -> Array:
        """Normalise uint8 images (B, H, W, C) to the float type in force."""
        return augment.normalize(images, self.mean, self.std, dtype=jnp.result_type(float))

    def randomize(self, keys: Key, images: Array) -> Array:
        """Augment uint8 images (B, H, W, C), each with its own key."""
        return randomize(self.augment, keys, images, self.mean, self.size)

    def repeat(self, batch: Batch) -> Batch:
        """Return the batch with every example as often as the config asks for."""
        return repeated(batch, self.augment.repeats)

    def draw(self, batch: Batch, key: Key, step: Array, keys: Key) -> Batch:
        """Augment and mix the batch; `key` is the run's, `keys` are this step's examples'."""
        batch = {**batch, "image": self.randomize(keys, batch["image"])}
        classes = getattr(self.model, "num_classes", 0)
        return mixed(self.augment, key, step, keys, batch, classes)

    def train_loss(
        self,
        variables: Variables,
        batch: Batch,
        rngs: dict[str, Any],
        step: Array,
        teacher: Variables,
    ) -> tuple[Array, tuple[dict[str, Array], Any]]:
        """Return the summed loss of the real examples, and (sums of metrics, new statistics).

        Args:
            variables: Of the network.
            batch: What `draw` has returned, or a part of it.
            rngs: Of dropout.
            step: Number of the step.
            teacher: Variables of the teacher; empty without one.
        """
        images = self.prepare(batch["image"])
        logits, updates = forward(self, variables, images, rngs, step)
        taught: Any = self.teacher and self.teacher.apply(teacher, images, train=False)
        target = batch.get("target", batch["label"])
        per_example = objective(self.loss, logits, target, updates.get("aux", {}), taught)
        loss = jnp.sum(jnp.where(batch["mask"], per_example, 0))
        sums = {"loss": loss, **hits(logits, batch), "count": jnp.sum(batch["mask"])}
        return loss, (sums, updates.get("batch_stats", {}))

    def predict(self, variables: Variables, batch: Batch) -> dict[str, Array]:
        """Return per example the loss, the label's probability and the best classes (B, k)."""
        logits = self.logits(variables, self.prepare(batch["image"]))
        probabilities = jax.nn.softmax(logits)
        # By logits: probabilities that round to one number, or to zero, have no order left.
        _, top_classes = jax.lax.top_k(logits, min(5, logits.shape[-1]))
        label = batch["label"][:, None]
        broken = jnp.isnan(probabilities).any(axis=1, keepdims=True)  # top_k puts NaN first
        return {
            "labels": batch["label"],
            "losses": losses.cross_entropy(logits, batch["label"]),
            "label_probabilities": jnp.take_along_axis(probabilities, label, 1)[:, 0],
            "top_probabilities": jnp.take_along_axis(probabilities, top_classes, 1),
            "top_classes": jnp.where(broken, -1, top_classes),
        }

    def logits(self, variables: Variables, images: Array) -> Array:
        """Return the logits in evaluation: with `test_flip` those of the mean odds of two views."""
        logits: Any = self.model.apply(variables, images, train=False)
        if not self.augment.test_flip:
            return logits
        mirrored: Any = self.model.apply(variables, images[:, :, ::-1], train=False)
        return mean_of_two(logits, mirrored)

    def means(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return the mean loss and shares per example; NaN where no step counted."""
        count = sums.get("count") or math.nan
        return {name: sums.get(name, 0.0) / count for name in self.sums[:-1]}

    def judge(self, parts: Sequence[Mapping[str, np.ndarray]]) -> Evaluation:
        """Return what the predictions of all batches amount to."""
        return Evaluation(**{name: np.concatenate([p[name] for p in parts]) for name in parts[0]})


def hits(logits: Array, batch: Batch) -> dict[str, Array]:
    """Count the real examples whose own class is the first, and among the first five."""
    return {
        f"top{k}": jnp.sum(metrics.top_k_hits(logits, batch["label"], k) & batch["mask"])
        for k in (1, 5)
    }
