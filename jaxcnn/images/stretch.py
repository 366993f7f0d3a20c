"""How the lab prepares images: stretched to a square, then normalised."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxcnn.images.pixels import to_pixels
from jaxcnn.images.resize import resize
from jaxcnn.images.transform import ImageTransform, split


@dataclass(frozen=True)
class Stretch:
    """The preparation of images as a run of the lab makes it, whatever their proportions.

    Attributes:
        size: Height and width of the result in pixels, >= 1.
        mean: Mean of each channel on the scale of [0, 1]; its length is the number of channels.
        std: Deviation of each channel on the same scale, > 0.

    Example:
        >>> Stretch(8, (0.5,), (0.5,)).pixels([np.zeros((4, 6, 3), np.uint8)]).shape
        (1, 8, 8, 1)
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def pixels(self, images: Any) -> np.ndarray:
        """Return the images resized, still as bytes: uint8 (N, size, size, channels)."""
        shape, channels = (self.size, self.size), len(self.mean)
        return np.stack([resize(to_pixels(image, channels), shape) for image in split(images)])

    def normalize(self, pixels: np.ndarray) -> np.ndarray:
        """Return bytes as the network takes them."""
        return ImageTransform(self.size, self.size, mean=self.mean, std=self.std).normalize(pixels)
