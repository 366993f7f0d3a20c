"""Fashion-MNIST with few images per class: what is drawn, and how it reaches a pretrained net."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from train.config import Data
from train.data import load_splits

CLASSES = 10


@dataclass(frozen=True)
class Images:
    """uint8 images (N, 28, 28, 1) and their classes."""

    images: np.ndarray
    labels: np.ndarray

    def __getitem__(self, indices: np.ndarray) -> "Images":
        return Images(self.images[indices], self.labels[indices])

    def __len__(self) -> int:
        return len(self.labels)


def fashion(tests: int) -> tuple[Images, Images]:
    """Return the 60,000 images to draw from and the first of the test images."""
    splits = load_splits(Data("tfds:fashion_mnist", val_fraction=0.0), seed=0)
    found = []
    for source, count in ((splits.train, len(splits.train)), (splits.test, tests)):
        gathered = source.gather(np.arange(count))
        found.append(Images(gathered.images, gathered.labels))
    return found[0], found[1]


def draw(labels: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Return positions of so many examples of each class; a smaller draw is part of a larger."""
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.concatenate([order[labels[order] == c][:per_class] for c in range(CLASSES)])


def folds(indices: np.ndarray, labels: np.ndarray, count: int) -> list[tuple[np.ndarray, ...]]:
    """Cut a draw into (training, validation) positions, four to one and equal in every class."""
    rank = np.zeros(len(indices), int)
    for c in range(CLASSES):
        own = labels[indices] == c
        rank[own] = np.arange(own.sum())
    parts = np.minimum(5, np.bincount(labels[indices]).min())
    return [(indices[rank % parts != i], indices[rank % parts == i]) for i in range(count)]


def enlarge(images: jax.Array, size: int, mean: float, std: float) -> jax.Array:
    """Return uint8 images as normalised floats (N, size, size, 1), on the device.

    Black becomes white: the photographs of ImageNet that show clothes have a light background.
    """
    shape = (len(images), size, size, images.shape[-1])
    light = 255 - images.astype(jnp.float32)
    return (jax.image.resize(light, shape, "bilinear") / 255 - mean) / std
