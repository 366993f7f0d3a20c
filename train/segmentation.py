"""A class for each pixel: what is minimised, and how it is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxcnn import augment, losses, metrics
from jaxcnn.typing import Array, Key, Variables
from train.augmentation import Batch, repeated
from train.config import Augment, Loss
from train.context import NONE, Pads, centred, mirrored
from train.data.source import IGNORE
from train.forward import forward, mean_of_two
from train.pair_augmentation import randomize_pairs
from train.pixel_evaluation import PixelEvaluation, scores
from train.transfer import Transfer


@dataclass(frozen=True)
class Segmentation:
    """Segmentation, judged by the mean intersection over union of the classes (mIoU).

    Labels are classes (B, H, W), where `IGNORE` marks pixels that count nowhere; sums of counts
    make the scores, so they are exact on any number of devices.
    """

    model: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: Augment
    loss: Loss = field(default_factory=Loss, hash=False)
    transfer: Transfer = Transfer()
    size: int = 0
    remat: str = "none"
    teacher: None = None
    context: Pads = NONE
    """Mirrored border that a network of valid convolutions takes, in pixels."""

    sums: ClassVar[tuple[str, ...]] = ("loss", "confusion", "count")
    headline: ClassVar[str] = "miou"
    accuracy: ClassVar[str] = "pixel_accuracy"

    def prepare(self, images: Array) -> Array:
        """Normalise uint8 images (B, H, W, C), and mirror the border that the network takes."""
        dtype = jnp.result_type(float)
        normal = augment.normalize(images, self.mean, self.std, dtype=dtype)
        return mirrored(normal, self.context)

    def randomize(self, keys: Key, images: Array) -> Array:
        """Augment uint8 images alone, as those of a batch would be."""
        blank = jnp.zeros(images.shape[:3], jnp.int32)
        return randomize_pairs(self.augment, keys, {"image": images, "label": blank})["image"]

    def repeat(self, batch: Batch) -> Batch:
        """Return the batch with every example as often as the config asks for."""
        return repeated(batch, self.augment.repeats)

    def draw(self, batch: Batch, key: Key, step: Array, keys: Key) -> Batch:
        """Augment the batch; `keys` are this step's examples'."""
        return randomize_pairs(self.augment, keys, batch)

    def train_loss(
        self,
        variables: Variables,
        batch: Batch,
        rngs: dict[str, Any],
        step: Array,
        teacher: Variables,
    ) -> tuple[Array, tuple[dict[str, Array], Any]]:
        """Return the summed loss of the real examples, and (sums of metrics, new statistics)."""
        logits, updates = forward(self, variables, self.prepare(batch["image"]), rngs, step)
        labels, mask = batch["label"], batch["mask"]
        logits = centred(logits, labels.shape[1:])
        per_example = pixel_loss(self.loss, logits, labels, batch.get("weight"))
        loss = jnp.sum(jnp.where(mask, per_example, 0))
        counted = jnp.broadcast_to(mask[:, None, None], labels.shape)
        confusion = metrics.confusion_matrix(labels, logits.argmax(-1), logits.shape[-1], counted)
        sums = {"loss": loss, "confusion": confusion, "count": jnp.sum(mask)}
        return loss, (sums, updates.get("batch_stats", {}))

    def predict(self, variables: Variables, batch: Batch) -> dict[str, Array]:
        """Return per example the loss (B,) and the counts of pixels, int32 (B, K, K)."""
        logits, labels = self.logits(variables, batch["image"]), batch["label"]
        count = jax.vmap(lambda a, b: metrics.confusion_matrix(a, b, logits.shape[-1]))
        return {
            "losses": losses.pixel_cross_entropy(logits, labels, ignore=IGNORE),
            "confusions": count(labels, logits.argmax(-1)),
        }

    def classes(self, variables: Variables, batch: Batch) -> Array:
        """Return the most probable class of each pixel, uint8 (B, H, W)."""
        return self.logits(variables, batch["image"]).argmax(-1).astype(jnp.uint8)

    def logits(self, variables: Variables, images: Array) -> Array:
        """Return the logits (B, H, W, K) in evaluation; with `test_flip` those of two views."""
        prepared = self.prepare(images)
        logits: Any = self.model.apply(variables, prepared, train=False)
        if self.augment.test_flip:
            other: Any = self.model.apply(variables, prepared[:, :, ::-1], train=False)
            logits = mean_of_two(logits, other[:, :, ::-1])
        return centred(logits, images.shape[1:3])

    def means(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return what the sums of some steps say, as the log has it; NaN where no step counted."""
        classes = getattr(self.model, "num_classes", 1)
        confusion = np.asarray(sums.get("confusion", np.zeros((classes, classes))))
        loss = sums["loss"] / sums["count"] if sums.get("count") else np.nan
        return {"loss": loss, **scores(confusion)}

    def judge(self, parts: Sequence[Mapping[str, np.ndarray]]) -> PixelEvaluation:
        """Return what the predictions of all batches amount to."""
        joined = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        return PixelEvaluation(**joined)


def pixel_loss(config: Loss, logits: Array, labels: Array, weights: Array | None) -> Array:
    """Return the loss per image of logits (B, H, W, K) for classes (B, H, W)."""
    overlap: Any = losses.dice(logits, labels, ignore=IGNORE, absent=False) if config.dice else 0.0
    if config.dice == 1:
        return overlap
    if config.name == "focal":
        each = losses.focal(logits, labels, gamma=config.gamma)
    else:
        each = losses.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
    mean = losses.pixel_mean(each, labels, weights, ignore=IGNORE)
    return (1 - config.dice) * mean + config.dice * overlap
