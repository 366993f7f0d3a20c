"""Bring a stored image to the one shape of its source."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxcnn.images import resize, to_channels
from train.config import Data
from train.data.source import IGNORE, UNREADABLE, name_of, spread
from train.errors import UserError

TRIED = 32
"""Images that are tried in search of a readable one: the second attempt rarely fails."""


@dataclass(frozen=True)
class Form:
    """The shape that all images get, and the example that it was taken from."""

    shape: tuple[int, int, int]
    resized: bool
    model: str
    """Name of the example whose size or channels the others must share."""
    converted: bool
    """Whether colour may become grey."""

    def apply(self, image: Any, name: str) -> np.ndarray:
        """Return the image with this form's shape, uint8 (H, W, C)."""
        image = as_image(image, name)
        height, width, channels = self.shape
        if image.shape[-1] == 3 and channels == 1 and not self.converted:
            raise UserError(
                f"{name} is a colour image and {self.model} a grey one; say which to use: "
                "--data.channels 3 or --data.channels 1"
            )
        image = to_channels(image, channels)
        if self.resized:
            return resize(image, (height, width))
        if image.shape != self.shape:
            raise UserError(
                f"images have different sizes: {self.model} is {height} x {width} pixels and "
                f"{name} is {image.shape[0]} x {image.shape[1]}; give a common size, for example "
                f"--data.image_size {height}"
            )
        return image

    def apply_mask(self, mask: Any, image: Any, name: str) -> np.ndarray:
        """Return the classes of an image's pixels with this form's size, uint8 (H, W)."""
        mask, size = np.asarray(mask), np.shape(image)[:2]
        if mask.shape != size:
            raise UserError(
                f"the mask of {name} has shape {mask.shape} and its image {size[0]} x {size[1]} "
                "pixels; make them the same"
            )
        mask = mask.astype(np.uint8)[..., None]
        if self.resized:
            mask = resize(mask, self.shape[:2], filter="nearest")
        return mask[..., 0]


def check_classes(mask: Any, num_classes: int, name: str) -> None:
    """Raise for a pixel that has no class: in a loss it would be NaN."""
    mask = np.asarray(mask)
    wrong = (mask < 0) | (mask >= num_classes) & (mask != IGNORE)
    if wrong.any():
        row, column = np.argwhere(wrong)[0][-2:]
        raise UserError(
            f"the mask of {name} has {mask[wrong][0]} in row {row}, column {column} "
            f"({int(wrong.sum())} such pixels); classes are 0 to {num_classes - 1}, and {IGNORE} "
            "marks pixels that count nowhere"
        )


def largest_class(mask: Any) -> int:
    """Return the largest class among the pixels that count, 0 where there are none.

    >>> largest_class([[0, 3], [255, 1]])
    3
    """
    mask = np.asarray(mask)
    return int(mask[mask != IGNORE].max(initial=0))


def as_image(image: Any, name: str) -> np.ndarray:
    """Return a stored image as uint8 (H, W, C) with one or three channels."""
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise UserError(
            f"the image of {name} is {image.dtype} {image.shape}; it must be uint8 (H, W), "
            "(H, W, 1) or (H, W, 3) with values from 0 to 255"
        )
    return image


def form_of(examples: Any, data: Data) -> Form:
    """Return the form that the config and the first readable example ask for."""
    image, name = first_readable(examples)
    height, width, channels = image.shape
    if data.image_size < 0:
        raise UserError(f"data.image_size is {data.image_size}; it must be >= 0 pixels")
    if data.channels not in (0, 1, 3):
        raise UserError(f"data.channels is {data.channels}; it must be 1 (grey), 3 (colour) or 0")
    if data.image_size:
        height = width = data.image_size
    channels = data.channels or getattr(examples, "channels", channels)
    return Form((height, width, channels), data.image_size > 0, name, data.channels > 0)


def first_readable(examples: Any) -> tuple[np.ndarray, str]:
    """Return the first image that can be read, and its name."""
    reason: Exception | None = None
    tried = spread(len(examples), TRIED)
    for i in tried:
        name = name_of(examples, i)
        try:
            return as_image(examples[i]["image"], name), name
        except UNREADABLE as error:
            reason = reason or error
    raise UserError(
        f"none of {len(tried)} images tried can be read (there are {len(examples)}); the first: "
        f"{reason}"
    )
