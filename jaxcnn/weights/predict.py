"""From images to classes."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.images.transform import split
from jaxcnn.inference import Batch, predictor
from jaxcnn.inference.predictor import Meta
from jaxcnn.typing import Variables


class Guess(NamedTuple):
    """A class that an image may be of.

    >>> Guess(698, "palace", 0.28).name
    'palace'
    """

    label: int
    """Its place among the logits."""
    name: str
    """Its name among the weights' categories; the index where they have none."""
    probability: float
    """Softmax of the logits, in [0, 1]."""


def predict(
    model: nn.Module,
    variables: Variables,
    meta: Meta,
    images: Any,
    *,
    top: int = 5,
    batch_size: int = 32,
) -> list[list[Guess]]:
    """Return the most probable classes of each image.

    Args:
        model: A classifier.
        variables: Its variables.
        meta: What `load_pretrained` returns third: `meta.transforms` prepares the images,
            `meta.categories` names the classes.
        images: One image or a sequence of them: paths, bytes, Pillow images, uint8 arrays.
        top: Number of classes, 1 to all.
        batch_size: Images that are computed at once, >= 1.

    Returns:
        For each image its `top` guesses, the most probable first.

    Raises:
        ImageError: If an image cannot be read.
        ValueError: If a number cannot be meant, or there is no image.

    Example:
        >>> from jaxcnn import load_pretrained
        >>> found = predict(*load_pretrained("efficientnet_lite0"), "cat.jpg")  # doctest: +SKIP
        >>> found[0][0].name  # doctest: +SKIP
        'tabby'
        >>> from jaxcnn.images import ImageTransform
        >>> class Brightest(nn.Module):
        ...     def __call__(self, images, train):
        ...         return images.mean((1, 2))
        >>> class Colours:
        ...     transforms = ImageTransform(crop=4, resize=4, mean=(0, 0, 0), std=(1, 1, 1))
        ...     categories = ("red", "green", "blue")
        >>> red = np.full((6, 4, 3), [255, 0, 0], np.uint8)
        >>> predict(Brightest(), {}, Colours, red, top=1)
        [[Guess(label=0, name='red', probability=0.576...)]]
    """
    found = []
    for batch in batches(model, variables, meta, images, batch_size=batch_size):
        for error in batch.errors.values():
            raise error
        found += guesses(batch.logits, meta, top)
    return found


def guesses(logits: np.ndarray, meta: Meta, top: int) -> list[list[Guess]]:
    """Return the most probable classes of each row of logits; of equal ones the lower first."""
    classes = logits.shape[-1]
    check_top(top, classes)
    powers = np.exp((logits - logits.max(-1, keepdims=True)).astype(np.float64))
    shares = powers / powers.sum(-1, keepdims=True)
    names = meta.categories or tuple(map(str, range(classes)))
    order = np.argsort(-logits, axis=-1, kind="stable")[:, :top]
    return [
        [Guess(int(i), names[i], float(row[i])) for i in best]
        for row, best in zip(shares, order, strict=True)
    ]


def check_top(top: int, classes: int) -> None:
    """Raise where there are fewer classes than wanted."""
    report = Report("predict")
    rule = f"must be in 1..{classes}, the number of classes"
    report.expect(1 <= top <= classes, "top", top, rule, f"use {min(5, classes)}")
    report.done()


def batches(
    model: nn.Module, variables: Variables, meta: Meta, images: Any, *, batch_size: int = 32
) -> Iterator[Batch]:
    """Return the logits of all images, in order; what cannot be read is told, not raised.

    All batches have one shape, hence one program is compiled, and the next is decoded while one
    is computed (`jaxcnn.inference`).

    Args:
        model: A classifier.
        variables: Its variables.
        meta: Its `transforms` prepare the images.
        images: As for `predict`.
        batch_size: Images that are computed at once, >= 1.

    Raises:
        ValueError: If `batch_size` cannot be meant, or there is no image.
    """
    report = Report("predict")
    report.count("batch_size", batch_size)
    report.done()
    images = split(images)
    size = min(batch_size, len(images))
    # Not folded: tracing the network for that takes longer than it saves in a few batches.
    tell = predictor(model, variables, meta, batch_size=size, fold=False)
    return tell.batches(images)
