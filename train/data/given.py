"""Data that a program hands over itself: arrays, or anything with a length and examples."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from train.config import Data
from train.data.conform import check_classes, largest_class
from train.data.source import IGNORE, ArrayExamples, Examples, Progress, spread, stored_labels
from train.data.splits import Splits, make_splits
from train.data.stored import Stored
from train.errors import UserError

Given = tuple[np.ndarray, np.ndarray] | Examples
"""`(images uint8 (n, H, W[, C]), labels int (n,))`, or an object whose `[i]` is an example.

For segmentation the labels are classes of pixels, (n, H, W).
"""

SAMPLES = 16


def splits_of(
    train: Given,
    test: Given | None = None,
    *,
    val: Given | None = None,
    class_names: Sequence[str] = (),
    data: Data | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Splits:
    """Return the splits of arrays or of objects, as `load_splits` does for a config.

    What is missing of test and val is cut off the training examples, as `data` says.
    """
    given = {"train": train, "val": val, "test": test}
    parts = {name: examples_of(name, g) for name, g in given.items() if g is not None}
    pixels = np.ndim(parts["train"][0]["label"]) == 2
    names = tuple(class_names) or count_classes(parts["train"], pixels)
    for name, examples in parts.items():
        check_labels(name, examples, len(names), pixels)
    stored = Stored(
        train=parts["train"],
        val=parts.get("val"),
        test=parts.get("test"),
        class_names=names,
        identity={name: identity(examples) for name, examples in parts.items()},
        pixels=pixels,
    )
    return make_splits(stored, data or Data(), seed, progress)


def examples_of(name: str, given: Given) -> Examples:
    """Return arrays as examples; leave objects as they are."""
    if not isinstance(given, tuple):
        if not (hasattr(given, "__len__") and hasattr(given, "__getitem__")) or not len(given):
            raise UserError(
                f"{name} is {type(given).__name__} without examples; give (images, labels) or an "
                "object with len(...) > 0 and [i] -> {'image': ..., 'label': ...}"
            )
        return given
    images, labels = (np.asarray(array) for array in given)
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
        raise UserError(
            f"{name} images are {images.dtype} {images.shape}; they must be uint8 (n, H, W, C) "
            "with values from 0 to 255"
        )
    forms = ((len(images),), images.shape[:3])
    if not np.issubdtype(labels.dtype, np.integer) or labels.shape not in forms:
        raise UserError(
            f"{name} labels are {labels.dtype} {labels.shape}; they must be integers "
            f"({len(images)},), one per image, or {images.shape[:3]}, one per pixel"
        )
    if labels.ndim == 3:
        check_classes(labels, IGNORE, name)
    kind = np.int32 if labels.ndim == 1 else np.uint8
    return ArrayExamples(images, labels.astype(kind), name + " {}")


def count_classes(examples: Examples, pixels: bool) -> tuple[str, ...]:
    """Return the classes 0 to the largest label, by their numbers."""
    if pixels:
        largest = max(largest_class(examples[i]["label"]) for i in range(len(examples)))
    else:
        largest = int(stored_labels(examples).max())
    return tuple(str(i) for i in range(largest + 1))


def check_labels(name: str, examples: Examples, num_classes: int, pixels: bool) -> None:
    """Raise for a label that names no class: in a loss it would be NaN or the last class."""
    labels = getattr(examples, "labels", None)
    if labels is None:
        return  # Objects are checked as they are read.
    if pixels:
        check_classes(labels, num_classes, name)
        return
    wrong = np.flatnonzero((np.asarray(labels) < 0) | (np.asarray(labels) >= num_classes))
    if len(wrong):
        raise UserError(
            f"{name} label {wrong[0]} is {labels[wrong[0]]} ({len(wrong)} such labels); labels "
            f"must be in [0, {num_classes})"
        )


def identity(examples: Any) -> Any:
    """Return a hash of arrays, or of some examples of an object."""
    if isinstance(examples, ArrayExamples):
        return examples.digest()
    digest = hashlib.sha256(str(len(examples)).encode())
    for i in spread(len(examples), SAMPLES):
        example = examples[i]
        digest.update(np.ascontiguousarray(example["image"]).tobytes())
        label = example["label"]
        single = np.ndim(label) == 0
        digest.update(str(int(label)).encode() if single else np.asarray(label, np.uint8).tobytes())
    return digest.hexdigest()[:16]
