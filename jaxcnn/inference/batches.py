"""Images in batches of one shape: decoded ahead by threads while others are computed."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import numpy as np

from jaxcnn.images import ImageError
from jaxcnn.images.transform import split

THREADS = 2


class Transforms(Protocol):
    """What prepares images, in two steps; an `ImageTransform` is one."""

    def pixels(self, images: Any) -> np.ndarray: ...  # noqa: D102

    def normalize(self, pixels: np.ndarray) -> np.ndarray: ...  # noqa: D102


class Batch(NamedTuple):
    """Some images in a row: the logits of those that can be read, and what ails the others.

    >>> Batch([0, 2], np.zeros((2, 10), np.float32), {1: ImageError("1 is damaged")}).indices
    [0, 2]
    """

    indices: list[int]
    """Which images the logits are of."""
    logits: np.ndarray
    """float32 (len(indices), classes)."""
    errors: dict[int, ImageError]


def batches(
    program: Callable[[np.ndarray], Any], transforms: Transforms, images: Any, size: int
) -> Iterator[Batch]:
    """Yield the results for all images, in order; what cannot be read is told, not raised.

    All batches have one shape: the last is padded, and what is computed for the padding is
    thrown away. The next batch is decoded while one is computed.

    Args:
        program: Maps bytes (size, H, W, C), as `transforms.pixels` returns them, to rows.
        transforms: Reads and resizes the images.
        images: One image or a sequence of them.
        size: Images of a batch, >= 1.
    """
    images = split(images)
    with ThreadPoolExecutor(THREADS) as pool:

        def decode(start: int) -> list[Future]:
            chunk = images[start : start + size]
            return [pool.submit(attempt, transforms, image) for image in chunk]

        coming = decode(0)
        for start in range(0, len(images), size):
            decoded, coming = coming, decode(start + size)
            yield compute(program, size, start, [one.result() for one in decoded])


def attempt(transforms: Transforms, image: Any) -> np.ndarray | ImageError:
    """Return the bytes of an image as the network wants them, or why there are none."""
    try:
        return transforms.pixels([image])[0]
    except ImageError as error:
        return error


def compute(
    program: Callable[[np.ndarray], Any],
    size: int,
    start: int,
    decoded: Sequence[np.ndarray | ImageError],
) -> Batch:
    """Return the rows of what was decoded, padded to one size for the computation."""
    errors = {start + i: one for i, one in enumerate(decoded) if isinstance(one, ImageError)}
    pixels = {start + i: one for i, one in enumerate(decoded) if isinstance(one, np.ndarray)}
    if not pixels:
        return Batch([], np.zeros((0, 1), np.float32), errors)
    rows = program(padded(np.stack(list(pixels.values())), size))
    return Batch(list(pixels), np.asarray(rows)[: len(pixels)], errors)


def padded(pixels: np.ndarray, size: int) -> np.ndarray:
    """Return images with black ones behind them, `size` in all."""
    return np.pad(pixels, [(0, size - len(pixels)), (0, 0), (0, 0), (0, 0)])
