"""The network of a run and the images of a split, as `jaxcnn.cli.explain` takes them."""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from train.data import Source
from train.data.source import Subset, spread
from train.tasks import Classification

SIZE = 128
"""Images that are computed at once."""


@dataclass(frozen=True, eq=False)
class SplitAlbum:
    """What a finished run is explained with."""

    task: Classification
    variables: Mapping[str, Any]
    source: Source

    @property
    def model(self) -> nn.Module:
        """The network."""
        return self.task.model

    @functools.cached_property
    def prepare(self) -> Callable[[Any], jax.Array]:
        """What makes the network's input of stored images."""
        return jax.jit(self.task.prepare)

    @property
    def blank(self) -> np.ndarray:
        """One image of the shape that the network takes."""
        return np.asarray(self.prepare(np.zeros((1, *self.source.shape), np.uint8)))

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.source[index]["image"]

    def batches(self) -> Iterator[jax.Array]:
        """Yield all images as the network takes them."""
        for start in range(0, len(self), SIZE):
            indices = np.arange(start, min(start + SIZE, len(self)))
            yield self.prepare(self.source.gather(indices).images)

    def thinned(self, count: int) -> "SplitAlbum":
        """Return the same with so many images at most, at equal distances."""
        positions = np.array(spread(len(self), min(count, len(self))), np.int64)
        return SplitAlbum(self.task, self.variables, Subset(self.source, positions))
