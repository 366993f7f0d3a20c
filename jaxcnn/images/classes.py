"""Classes of pixels as colours over the image that they are of."""

import colorsys

import numpy as np

from jaxcnn.images.resize import check_image, to_channels

NAMED = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
    (204, 121, 167),
)  # fmt: skip
"""Seven colours that do not need colour vision: Okabe and Ito, 2008."""

IGNORED = (128, 128, 128)


def class_colors(count: int) -> np.ndarray:
    """Return a colour for each class, black for the first, which is most often the background.

    Args:
        count: Number of classes, >= 1. The first eight are told apart without colour vision.

    Returns:
        uint8 (count, 3).

    Raises:
        ValueError: If `count` is less than 1.

    Example:
        >>> from jaxcnn.images import class_colors
        >>> class_colors(3).tolist()
        [[0, 0, 0], [230, 159, 0], [86, 180, 233]]

    Reference:
        Okabe and Ito, "Color Universal Design", 2008.
    """
    if count < 1:
        raise ValueError(f"count is {count!r}; it must be >= 1")
    more = max(0, count - 1 - len(NAMED))
    # Golden steps around the circle of hues, so that neighbours differ; lightness takes turns.
    hues = [(0.78 + 0.618034 * i) % 1 for i in range(more)]
    made = [colorsys.hls_to_rgb(hue, (0.35, 0.75)[i % 2], 0.6) for i, hue in enumerate(hues)]
    others = [tuple(round(255 * part) for part in color) for color in made]
    return np.array([(0, 0, 0), *NAMED, *others][:count], np.uint8)


def overlay_classes(
    image: np.ndarray,
    classes: np.ndarray,
    *,
    opacity: float = 0.6,
    background: int = 0,
    ignore: int = 255,
) -> np.ndarray:
    """Lay the colour of each pixel's class over an image.

    Args:
        image: uint8 (H, W, 1) or (H, W, 3).
        classes: int (H, W), in [0, 256).
        opacity: Share of the colours in the picture, in [0, 1].
        background: The class that has no colour, so that the image is seen; -1 for none.
        ignore: Label of pixels without a class, which are grey.

    Returns:
        uint8 (H, W, 3).

    Raises:
        TypeError: If `image` is not uint8 or `classes` not integers.
        ValueError: If shapes do not fit, a class or `opacity` lies outside its range.

    Example:
        >>> import numpy as np
        >>> from jaxcnn.images import overlay_classes
        >>> image = np.full((1, 2, 1), 100, np.uint8)
        >>> overlay_classes(image, np.array([[0, 1]]), opacity=1).tolist()
        [[[100, 100, 100], [230, 159, 0]]]
    """
    check_image(image)
    classes = np.asarray(classes)
    if not np.issubdtype(classes.dtype, np.integer):
        raise TypeError(f"classes are {classes.dtype}; they must be integers")
    if classes.shape != image.shape[:2] or classes.min() < 0 or classes.max() > 255:
        raise ValueError(
            f"classes have shape {classes.shape} and values {classes.min()} to {classes.max()}; "
            f"they must be {image.shape[:2]}, as the image, in [0, 256)"
        )
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity is {opacity!r}; it must be in [0, 1]")
    colors = class_colors(256)
    colors[ignore] = IGNORED
    share = np.where(classes == background, 0.0, opacity)[..., None]
    mixed = (1 - share) * to_channels(image, 3) + share * colors[classes]
    return mixed.round().astype(np.uint8)
