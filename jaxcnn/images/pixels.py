"""Whatever a user calls an image becomes uint8 pixels: files, Pillow images, arrays."""

import os
from typing import Any

import numpy as np
from PIL import Image

from jaxcnn.images.error import ImageError
from jaxcnn.images.modes import pixels
from jaxcnn.images.open import MAX_PIXELS, check_pixels, explain
from jaxcnn.images.read import orientation, read, upright
from jaxcnn.images.resize import to_channels

WHITE = (255, 255, 255)


def to_pixels(image: Any, channels: int) -> np.ndarray:
    """Return one image as uint8 (H, W, channels), laid over white where it is transparent.

    Args:
        image: A path, the bytes of a file, an open file, a Pillow image, or an array.
        channels: 1 or 3.

    Raises:
        ImageError: If a file or a Pillow image cannot be used.
        TypeError: If the image is something else.
        ValueError: If the shape of an array is none of an image.

    >>> to_pixels(np.zeros((4, 5), np.uint8), 3).shape
    (4, 5, 3)
    >>> to_pixels(np.zeros((4, 5, 3), np.float32), 3)
    Traceback (most recent call last):
    TypeError: image is a float32 array; it must be a path, the bytes of a file, a Pillow image,
    or an array of uint8 values: convert floats in [0, 1] by (255 * image).round().astype("uint8")
    """
    if isinstance(image, Image.Image):
        return to_channels(from_pillow(image), channels)
    if isinstance(image, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(
        image, "read"
    ):
        return read(image, mode="RGB" if channels == 3 else "L")
    return to_channels(from_array(image), channels)


def from_pillow(image: Image.Image) -> np.ndarray:
    """Return the pixels of a Pillow image, turned upright, with one or three channels."""
    try:
        check_pixels(image, MAX_PIXELS)
        return upright(pixels(image, WHITE), orientation(image))
    except MemoryError:
        raise
    # Decoding starts here, where damaged files make Pillow raise nearly anything.
    except Exception as error:
        name = getattr(image, "filename", "") or "image"
        raise ImageError(f"{name} {explain(error, name)}") from error


def from_array(image: Any) -> np.ndarray:
    """Return an array (H, W) or (H, W, C) as uint8 with one or three channels."""
    array = np.asarray(image) if hasattr(image, "__array__") else None
    if array is None or array.dtype not in (np.uint8, np.uint16):
        kind = type(image).__name__ if array is None else f"a {array.dtype} array"
        raise TypeError(
            f"image is {kind}; it must be a path, the bytes of a file, a Pillow image, or an array "
            "of uint8 values: convert floats in [0, 1] by "
            '(255 * image).round().astype("uint8")'
        )
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4) or 0 in array.shape:
        raise ValueError(
            f"image has shape {array.shape}; it must be (H, W) or (H, W, C) with C = 1, 3 or 4 "
            "(alpha): move channels that come first by image.transpose(1, 2, 0)"
        )
    if array.dtype == np.uint16:  # 65535 = 257 * 255
        array = ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return from_pillow(Image.fromarray(array)) if array.shape[-1] == 4 else array
