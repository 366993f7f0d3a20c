"""A map of numbers laid over the image that it is about."""

import numpy as np
from PIL import Image

from jaxcnn.images.colors import SEQUENTIAL, Scale, colorize
from jaxcnn.images.resize import check_image, to_channels


def overlay(
    image: np.ndarray,
    heat: np.ndarray,
    *,
    scale: Scale | None = None,
    opacity: float = 0.5,
    fade: bool = False,
) -> np.ndarray:
    """Lay the colours of a heat map over an image.

    Args:
        image: uint8 (H, W, 1) or (H, W, 3).
        heat: Floating (h, w), of any size; it is stretched smoothly to the image.
        scale: Which numbers get which colours; None stretches the range of the map to viridis,
            where a constant map gets the lowest colour.
        opacity: Share of the heat map in the picture, in [0, 1].
        fade: Whether the share falls to nothing where the map says nothing, at the lowest colour
            or, of a signed scale, at the middle.

    Returns:
        uint8 (H, W, 3).

    Raises:
        TypeError: If `image` is not uint8.
        ValueError: If shapes do not fit, `heat` is not finite or `opacity` lies outside [0, 1].

    Example:
        >>> import numpy as np
        >>> from jaxcnn.images import overlay
        >>> overlay(np.zeros((8, 8, 1), np.uint8), np.eye(4)).shape
        (8, 8, 3)
    """
    check_image(image)
    heat = np.asarray(heat, np.float32)
    if heat.ndim != 2 or not heat.size or not np.isfinite(heat).all():
        raise ValueError(f"heat has shape {heat.shape}; it must be finite and (h, w)")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity is {opacity!r}; it must be in [0, 1]")
    scale = Scale(float(heat.min()), float(heat.max()), SEQUENTIAL) if scale is None else scale
    height, width, _ = image.shape
    stretched = Image.fromarray(scale.unit(heat)).resize((width, height), Image.Resampling.BICUBIC)
    unit = np.asarray(stretched).clip(0, 1)
    share = np.full((height, width, 1), opacity, np.float32)
    if fade:
        said = np.abs(2 * unit - 1) if scale.signed else unit
        # The root lets weak values be seen: a share that is proportional hides all but the peak.
        share *= np.sqrt(said)[..., None]
    photo = to_channels(image, 3).astype(np.float32)
    mixed = (1 - share) * photo + share * colorize(unit, scale.colormap)
    return mixed.round().astype(np.uint8)
