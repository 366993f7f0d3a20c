"""Pictures made of pictures: grids, and sheets with captions."""

import functools
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxcnn.images.resize import check_image, resize, to_channels

Color = tuple[int, int, int]

WHITE: Color = (255, 255, 255)
INK: Color = (32, 33, 36)


def fit(image: np.ndarray, size: int, *, background: Color = WHITE) -> np.ndarray:
    """Show an image as large as it goes in a square, with its proportions.

    A small image grows by a whole factor, so that each of its pixels stays a sharp square; a large
    one shrinks by Lanczos' filter.

    Args:
        image: uint8 (H, W, 1) or (H, W, 3).
        size: Side of the square in pixels, >= 1.
        background: Colour around the image.

    Returns:
        uint8 (size, size, 3).

    Raises:
        TypeError: If `image` is not uint8.
        ValueError: If its shape or `size` cannot be meant.

    Example:
        >>> import numpy as np
        >>> from jaxcnn.images import fit
        >>> fit(np.zeros((2, 1, 1), np.uint8), 4)[..., 0].tolist()[0]
        [255, 0, 0, 255]
    """
    check_image(image)
    if size < 1:
        raise ValueError(f"size is {size!r}; it must be a number of pixels >= 1")
    height, width, _ = image.shape
    factor = size // max(height, width)
    if factor:
        image = image.repeat(factor, axis=0).repeat(factor, axis=1)
    else:
        shrink = size / max(height, width)
        target = (max(1, round(height * shrink)), max(1, round(width * shrink)))
        image = resize(image, target, filter="lanczos")
    square = np.empty((size, size, 3), np.uint8)
    square[:] = background
    height, width, _ = image.shape
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = to_channels(image, 3)
    return square


def grid(
    images: Sequence[np.ndarray],
    *,
    columns: int | None = None,
    cell: int | None = None,
    gap: int = 2,
    background: Color = WHITE,
) -> np.ndarray:
    """Lay images out in rows, each centred in a square cell.

    Args:
        images: At least one uint8 (H, W, 1) or (H, W, 3); sizes may differ.
        columns: Images in a row; None makes the grid about square.
        cell: Side of a cell in pixels; None takes the longest side of any image.
        gap: Pixels between cells and around them.
        background: Colour between the images.

    Returns:
        uint8 (height, width, 3).

    Raises:
        TypeError: If an image is not uint8.
        ValueError: If there is no image, or a shape or number cannot be meant.

    Example:
        >>> import numpy as np
        >>> from jaxcnn.images import grid
        >>> grid([np.zeros((8, 8, 1), np.uint8)] * 5, columns=3).shape
        (22, 32, 3)
    """
    images = list(images)
    columns = _columns(images, columns)
    for image in images:
        check_image(image)
    side = max(max(image.shape[:2]) for image in images) if cell is None else cell
    rows = math.ceil(len(images) / columns)
    step = side + gap
    canvas = np.empty((rows * step + gap, columns * step + gap, 3), np.uint8)
    canvas[:] = background
    for i, image in enumerate(images):
        top, left = gap + i // columns * step, gap + i % columns * step
        canvas[top : top + side, left : left + side] = fit(image, side, background=background)
    return canvas


def sheet(
    images: Sequence[np.ndarray],
    captions: Sequence[Sequence[str]],
    *,
    title: str = "",
    columns: int | None = None,
    cell: int = 112,
    colors: Sequence[Color] | None = None,
) -> np.ndarray:
    """Lay images out in rows with lines of text below each.

    Args:
        images: At least one uint8 (H, W, 1) or (H, W, 3); sizes may differ.
        captions: For each image its lines; what is too long for its cell ends in an ellipsis.
        title: Line above all.
        columns: Images in a row; None makes the sheet about square.
        cell: Side of a picture in pixels, >= 16.
        colors: Colour of the captions of each image; None is nearly black.

    Returns:
        uint8 (height, width, 3).

    Raises:
        TypeError: If an image is not uint8.
        ValueError: If there is no image, the lengths differ or a number cannot be meant.

    Example:
        >>> import numpy as np
        >>> from jaxcnn.images import sheet
        >>> sheet([np.zeros((8, 8, 1), np.uint8)], [["zero"]], cell=64).shape
        (110, 88, 3)
    """
    images, captions = list(images), [tuple(lines) for lines in captions]
    columns = _columns(images, columns)
    lengths = {len(images), len(captions), len(images if colors is None else colors)}
    if len(lengths) > 1 or cell < 16:
        raise ValueError(
            f"sheet needs one caption and colour for each of {len(images)} images and cells of "
            f"16 pixels or more, got {len(captions)} captions, "
            f"{len(images if colors is None else colors)} colours and cell={cell}"
        )
    gap, text_size = 12, max(11, min(16, cell // 8))
    line = text_size + 5
    head = 2 * line + gap if title else gap
    step_y = cell + line * max(len(lines) for lines in captions) + 6 + gap
    height = head + math.ceil(len(images) / columns) * step_y
    canvas = Image.new("RGB", (columns * (cell + gap) + gap, height), WHITE)
    draw, font = ImageDraw.Draw(canvas), typeface(text_size)
    draw.text((gap, gap), shortened(title, canvas.width - 2 * gap, typeface(text_size + 3)), INK,
              typeface(text_size + 3))  # fmt: skip
    for i, (image, lines) in enumerate(zip(images, captions, strict=True)):
        left, top = gap + i % columns * (cell + gap), head + i // columns * step_y
        canvas.paste(Image.fromarray(fit(image, cell)), (left, top))
        for j, text in enumerate(lines):
            place = (left, top + cell + 4 + j * line)
            draw.text(place, shortened(text, cell, font), colors[i] if colors else INK, font)
    return np.asarray(canvas)


def _columns(images: Sequence[np.ndarray], columns: int | None) -> int:
    if not images:
        raise ValueError("images is empty; at least one image is needed")
    if columns is None:
        return math.ceil(math.sqrt(len(images)))
    if columns < 1:
        raise ValueError(f"columns is {columns!r}; it must be >= 1")
    return columns


@functools.cache
def typeface(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that comes with Pillow, so that pictures look the same everywhere."""
    return ImageFont.load_default(size)


def shortened(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Cut a text to a width in pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text.rstrip() + "..."
