"""Numbers of both signs as pictures around grey: kernels, and gradients in colour."""

from typing import Any

import numpy as np


def around_grey(values: Any, *, percentile: float = 100.0) -> np.ndarray:
    r"""Show numbers of both signs as an image: zero is grey, the largest magnitude black or white.

    A byte is :math:`127.5 (1 + v / m)`, m the given percentile of :math:`|v|` over the whole
    array, so that the colours of a kernel keep their balance. Call it on each kernel for a scale
    of its own, or on all of them to compare their strengths.

    Args:
        values: Floating (..., H, W, 1) or (..., H, W, 3), finite.
        percentile: Of the magnitudes, what becomes black or white, in (0, 100].

    Returns:
        uint8 of the same shape.

    Raises:
        ValueError: If the last axis is not 1 or 3, a value is not finite, or the percentile lies
            outside (0, 100].

    Example:
        >>> from jaxcnn.images import around_grey
        >>> around_grey(np.array([-2.0, 0.0, 2.0]).reshape(1, 3, 1)).ravel().tolist()
        [0, 128, 255]
    """
    values = np.asarray(values, np.float64)
    if values.ndim < 3 or values.shape[-1] not in (1, 3) or not np.isfinite(values).all():
        raise ValueError(
            f"values have shape {values.shape}; they must be finite and (..., H, W, C), C 1 or 3"
        )
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile is {percentile!r}; it must be in (0, 100]")
    sizes = np.abs(values)
    largest = (np.percentile(sizes, percentile) or sizes.max()) if values.size else 0.0
    unit = values / largest if largest else values
    return (127.5 * (1 + unit.clip(-1, 1))).round().astype(np.uint8)
