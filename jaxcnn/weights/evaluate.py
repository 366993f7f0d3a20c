"""How often a network is right: exact counts, one image as often as another."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flax import linen as nn

from jaxcnn.images import ImageError
from jaxcnn.inference import Batch
from jaxcnn.inference.predictor import Meta
from jaxcnn.metrics import top_k_hits
from jaxcnn.typing import Variables
from jaxcnn.weights.predict import batches


@dataclass(frozen=True)
class Accuracy:
    """What was counted.

    Attributes:
        count: Images that were read.
        hits1: Those whose class came first.
        hits5: Those whose class was among the first five.
        errors: Images that could not be read, by their place, and why; counted nowhere.

    Example:
        >>> found = Accuracy(count=20, hits1=15, hits5=19, errors={})
        >>> found.top1, found.top5
        (0.75, 0.95)
    """

    count: int
    hits1: int
    hits5: int
    errors: dict[int, ImageError]

    @property
    def top1(self) -> float:
        """Share of the images whose class came first; NaN without images."""
        return self.hits1 / self.count if self.count else math.nan

    @property
    def top5(self) -> float:
        """Share of the images whose class was among the first five; NaN without images."""
        return self.hits5 / self.count if self.count else math.nan


def evaluate(
    model: nn.Module,
    variables: Variables,
    meta: Meta,
    images: Sequence[Any],
    labels: Sequence[int],
    *,
    batch_size: int = 32,
) -> Accuracy:
    """Count how many images a network classifies rightly, with its weights' own transforms.

    Args:
        model: A classifier.
        variables: Its variables.
        meta: What `load_pretrained` returns third; its transforms prepare the images.
        images: Paths, bytes, Pillow images or uint8 arrays.
        labels: The index of each image's class.
        batch_size: Images that are computed at once, >= 1.

    Returns:
        Exact counts, and the images that could not be read.

    Raises:
        ValueError: If there is not one label for each image, or no image.

    Example:
        >>> from jaxcnn import load_pretrained
        >>> found = evaluate(  # doctest: +SKIP
        ...     *load_pretrained("efficientnet_lite0"), ["palace.jpg"], [698])
        >>> found.top1  # doctest: +SKIP
        1.0
        >>> evaluate(nn.Dense(2), {}, None, ["a.jpg", "b.jpg"], [0])
        Traceback (most recent call last):
        ValueError: evaluate: 2 images, but 1 labels. Fix: give one label for each image

    Reference:
        Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV 2015,
        section 4.1.
    """
    if len(images) != len(labels):
        raise ValueError(
            f"evaluate: {len(images)} images, but {len(labels)} labels. Fix: give one label for "
            "each image"
        )
    return count(batches(model, variables, meta, list(images), batch_size=batch_size), labels)


def count(found: Iterable[Batch], labels: Sequence[int]) -> Accuracy:
    """Count the hits in batches of logits.

    >>> batch = Batch([0, 2], np.eye(2, 9, dtype=np.float32), {1: ImageError("1 is damaged")})
    >>> (got := count([batch], [0, 7, 8])).count, got.hits1, got.hits5
    (2, 1, 1)
    """
    number, hits1, hits5 = 0, 0, 0
    errors: dict[int, ImageError] = {}
    truth = np.asarray(labels, np.int32)
    for batch in found:
        errors |= batch.errors
        number += len(batch.indices)
        hits1 += int(top_k_hits(batch.logits, truth[batch.indices], 1).sum())
        hits5 += int(top_k_hits(batch.logits, truth[batch.indices], 5).sum())
    return Accuracy(number, hits1, hits5, errors)


def interval(hits: int, number: int) -> tuple[float, float]:
    """Return where the share among all images lies, with 95 % confidence, given a sample.

    >>> [round(end, 3) for end in interval(15, 20)]
    [0.531, 0.888]

    Reference:
        Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    z = 1.959964
    centre = (hits + z * z / 2) / (number + z * z)
    half = z * math.sqrt(hits * (number - hits) / number + z * z / 4) / (number + z * z)
    return centre - half, centre + half
