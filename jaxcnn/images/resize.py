"""Change the size and the channels of an image exactly as Pillow does."""

from typing import Literal

import numpy as np
from PIL import Image

Filter = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]

FILTERS: dict[str, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}


def check_image(image: np.ndarray) -> None:
    """Raise unless the array is an image as this room makes them."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = getattr(image, "dtype", type(image).__name__)
        raise TypeError(f"image is {kind}; it must be a numpy array of uint8 values")
    if image.ndim != 3 or image.shape[-1] not in (1, 3) or 0 in image.shape:
        raise ValueError(
            f"image has shape {image.shape}; it must be (H, W, 1) or (H, W, 3), none of them zero"
        )


def resize(
    image: np.ndarray, size: int | tuple[int, int], *, filter: Filter = "bilinear"
) -> np.ndarray:
    r"""Return the image with another size, smoothed before it is made smaller.

    Each output pixel is a weighted mean of the input around its centre,
    $y_i = \sum_j w(\frac{j + 1/2 - c_i}{s})\, x_j$ with $c_i = (i + 1/2) n_{in} / n_{out}$ and
    $s = \max(1, n_{in} / n_{out})$: the filter $w$ widens with the reduction (antialiasing), as
    in the preprocessing of all published weights. Rows and columns are done one after the
    other, with rounding to eight bits between them. `nearest` takes the nearest pixel.

    Args:
        image: uint8 `(H, W, C)` with one or three channels.
        size: `(height, width)` in pixels; or one int, the new length of the *shorter* side,
            where the longer one keeps the proportion (truncated to whole pixels).
        filter: The resampling filter.

    Returns:
        uint8 `(height, width, C)`; a new array, also where the size stays the same.

    Raises:
        TypeError: If the image is not a uint8 array.
        ValueError: If its shape, the size or the filter is not of the kind above.

    Example:
        >>> import numpy as np
        >>> image = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6, 1)
        >>> resize(image, (2, 3))[..., 0]
        array([[ 50,  68,  86],
               [144, 162, 180]], dtype=uint8)
        >>> resize(image, 2).shape
        (2, 3, 1)

    Reference:
        Pillow, `Image.resize` with `reducing_gap=None`; the int follows torchvision's `Resize`.
    """
    check_image(image)
    if filter not in FILTERS:
        raise ValueError(f"filter is {filter!r}; it must be one of {', '.join(FILTERS)}")
    height, width = target_size(image, size)
    if (height, width) == image.shape[:2]:
        return image.copy()
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    resized = np.array(picture.resize((width, height), FILTERS[filter]))
    return resized.reshape(height, width, image.shape[-1])


def target_size(image: np.ndarray, size: int | tuple[int, int]) -> tuple[int, int]:
    """Return the height and width that `size` asks for."""
    if isinstance(size, int):
        height, width = image.shape[:2]
        short = min(height, width)
        pair = (size * height // short, size * width // short)
    else:
        pair = tuple(size) if isinstance(size, tuple | list) else ()
    if len(pair) != 2 or not all(isinstance(n, int) and n > 0 for n in pair):
        raise ValueError(
            f"size is {size!r}; it must be a positive int (the shorter side) or a pair of "
            "positive ints (height, width)"
        )
    return pair


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    r"""Return the image as grey or colour.

    Colour becomes grey by the luma of ITU-R BT.601, $0.299 R + 0.587 G + 0.114 B$, as in
    Pillow's `convert("L")`; grey becomes colour by repeating its channel.

    Args:
        image: uint8 `(H, W, C)` with one or three channels.
        channels: 1 or 3.

    Returns:
        uint8 `(H, W, channels)`; the image itself where nothing changes.

    Raises:
        TypeError: If the image is not a uint8 array.
        ValueError: If its shape or the number of channels is not of the kind above.

    Example:
        >>> import numpy as np
        >>> red = np.full((1, 1, 3), (255, 0, 0), np.uint8)
        >>> to_channels(red, 1).tolist(), to_channels(to_channels(red, 1), 3).tolist()
        ([[[76]]], [[[76, 76, 76]]])
    """
    check_image(image)
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels!r}; it must be 1 or 3")
    if image.shape[-1] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    return np.array(Image.fromarray(image).convert("L"))[..., None]
