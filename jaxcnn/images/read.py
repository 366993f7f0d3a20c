"""Read an image file of any usual kind into a uint8 array."""

from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from jaxcnn.images.modes import is_grey, pixels
from jaxcnn.images.open import MAX_PIXELS, File, opened
from jaxcnn.images.resize import to_channels

Mode = Literal["RGB", "L", "auto"]

ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""


class Header(NamedTuple):
    """What a file says of its image before any pixel is decoded.

    >>> Header(height=480, width=640, channels=3).width
    640
    """

    height: int
    """Pixels, after the EXIF rotation."""
    width: int
    channels: int
    """1 for grey, 3 for colour."""


def read(
    file: File,
    *,
    mode: Mode = "RGB",
    background: tuple[int, int, int] = (255, 255, 255),
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    r"""Return the pixels of an image as a person sees them.

    - The EXIF orientation is applied, so that photographs stand upright.
    - Palettes, CMYK and YCbCr become RGB.
    - Transparent pixels are laid over `background`: $\alpha x + (1 - \alpha) b$.
    - 16-bit grey is scaled by 1/257, float grey in [0, 1] by 255; other ranges are refused.
    - Of an animation the first frame is taken.

    Truncated files are refused, and so are images of more than `max_pixels`, before any memory
    for their pixels is taken.

    Args:
        file: A path, the bytes of a file, or a file opened for reading bytes: JPEG, PNG, WebP,
            TIFF, BMP, GIF or PPM.
        mode: `"RGB"` for three channels, `"L"` for grey (luma of ITU-R BT.601), `"auto"` for
            one channel where the file is stored as grey and three otherwise.
        background: Red, green, blue in 0..255 behind transparent pixels.
        max_pixels: Largest height x width. Pillow itself refuses more than 178,956,970.

    Returns:
        uint8 `(H, W, 3)`, or `(H, W, 1)` for grey; never read-only.

    Raises:
        ImageError: If the file is missing, damaged, truncated, too large or of no known kind.
        ValueError: If `mode`, `background` or `max_pixels` is not of the kind above.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("RGBA", (4, 2), (255, 0, 0, 0)).save(file, "PNG")
        >>> image = read(file.getvalue())
        >>> image.shape, image[0, 0].tolist()
        ((2, 4, 3), [255, 255, 255])
        >>> read(file.getvalue()[:50])
        Traceback (most recent call last):
        jaxcnn.images.error.ImageError: image of 50 bytes is truncated: ...

    Reference:
        EXIF 2.32, tag 274 (Orientation). Pillow, "Concepts: Modes".
    """
    check_options(mode, background, max_pixels)
    with opened(file, max_pixels) as image:
        array = upright(pixels(image, background), orientation(image))
    if mode == "auto":
        return array
    return to_channels(array, 3 if mode == "RGB" else 1)


def header(file: File, *, max_pixels: int = MAX_PIXELS) -> Header:
    """Return size and channels of an image without decoding it.

    Args:
        file: As for `read`.
        max_pixels: As for `read`.

    Returns:
        Height and width as `read` would return them, and 1 channel for grey or 3 for colour.

    Raises:
        ImageError: As for `read`, except for damage behind the header.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("L", (4, 2)).save(file, "PNG")
        >>> header(file.getvalue())
        Header(height=2, width=4, channels=1)
    """
    with opened(file, max_pixels) as image:
        width, height = image.size
        if orientation(image) >= 5:
            width, height = height, width
        return Header(height, width, 1 if is_grey(image) else 3)


def check_options(mode: str, background: tuple[int, int, int], max_pixels: int) -> None:
    """Raise where an option of `read` means nothing."""
    if mode not in ("RGB", "L", "auto"):
        raise ValueError(f"mode is {mode!r}; it must be 'RGB', 'L' or 'auto'")
    if len(background) != 3 or not all(0 <= value <= 255 for value in background):
        raise ValueError(
            f"background is {background!r}; it must be three values in 0..255 (red, green, blue)"
        )
    if max_pixels < 1:
        raise ValueError(f"max_pixels is {max_pixels}; it must be at least 1")


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where it is absent, unreadable or done already."""
    if image.format == "TIFF":  # Pillow turns these itself.
        return 1
    try:
        value = image.getexif().get(ORIENTATION, 1)
    # A damaged EXIF block does not make the picture unreadable.
    except Exception:
        return 1
    return value if value in range(1, 9) else 1


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation: 2 to 4 are flips, 5 to 8 also swap the axes."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)
