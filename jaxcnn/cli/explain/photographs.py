"""The images of a command, decoded when they are needed, so that a folder may be large."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax import linen as nn

from jaxcnn.cli.answer import some_read
from jaxcnn.cli.progress import shown, tell
from jaxcnn.images import ImageError
from jaxcnn.typing import Variables
from jaxcnn.weights.predict import Guess, batches, guesses

CLASSES = 20
"""Folders up to which they are taken for classes."""


class Loaded(NamedTuple):
    """A network as `load` returns it."""

    model: nn.Module
    variables: Variables
    meta: Any

    @property
    def blank(self) -> np.ndarray:
        """An image of the shape that the network takes, (1, H, W, C)."""
        pixels = self.meta.transforms.pixels(np.zeros((8, 8, 3), np.uint8))
        return self.meta.transforms.normalize(pixels)

    @property
    def side(self) -> int:
        """Pixels of the shorter side of the images."""
        return min(self.blank.shape[1:3])


class Photographs(Sequence):
    """Images as a network sees them, by number, with what it says of each.

    Attributes:
        files: Those that can be read.
        logits: Of each, (N, classes).
        errors: Why the others cannot.
    """

    def __init__(self, network: Loaded, files: Sequence[Path], size: int):
        """Read all images once, for what the network says of them.

        Args:
            network: The network.
            files: The images.
            size: How many are computed at once.
        """
        self.network, self.files, self.size = network, list[Path](), min(size, len(files))
        self.errors: dict[Path, ImageError] = {}
        logits = []
        found = batches(*network, files, batch_size=size)
        for batch in shown(found, len(files)):
            self.files += [files[i] for i in batch.indices]
            self.errors |= {files[i]: error for i, error in batch.errors.items()}
            logits += list(batch.logits[: len(batch.indices)])
        some_read(len(self.files), self.errors)
        self.logits = np.stack(logits)

    @property
    def model(self) -> nn.Module:
        """The network."""
        return self.network.model

    @property
    def variables(self) -> Variables:
        """Its variables."""
        return self.network.variables

    @property
    def blank(self) -> np.ndarray:
        """One image of the shape that the network takes."""
        return self.network.blank

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: Any) -> Any:
        """Return one image as bytes, (H, W, C)."""
        return self.network.meta.transforms.pixels([self.files[index]])[0]

    def batches(self) -> Iterator[np.ndarray]:
        """Yield all images as the network takes them, and show how many are done."""
        for start in range(0, len(self), self.size):
            tell(f"{start:,} of {len(self):,} images")
            pixels = self.network.meta.transforms.pixels(self.files[start : start + self.size])
            yield self.network.meta.transforms.normalize(pixels)

    def guesses(self, index: int, top: int) -> list[Guess]:
        """Return the most probable classes of an image."""
        return guesses(self.logits[index][None], self.network.meta, min(top, self.logits.shape[1]))[
            0
        ]

    def classes(self) -> tuple[list[int] | None, list[str]]:
        """Return the class of each image by its folder, if there are several folders; and names."""
        folders = [file.parent.name for file in self.files]
        names = list(dict.fromkeys(folders))
        if not 1 < len(names) <= CLASSES:
            return None, []
        return [names.index(folder) for folder in folders], names
