"""Weights that make a network learn the thin background between objects that touch."""

from collections.abc import Sequence

import numpy as np

from jaxcnn.checks import Report, is_number


def border_weights(
    objects: np.ndarray,
    *,
    w0: float = 10.0,
    sigma: float = 5.0,
    class_weights: Sequence[float] | np.ndarray | None = None,
) -> np.ndarray:
    r"""Return the weight of every pixel for a loss that must part objects; on the host.

    .. math::
        w(x) = w_c(x) + w_0 \exp\left(-\frac{(d_1(x) + d_2(x))^2}{2 \sigma^2}\right)

    where `d1` and `d2` are the distances to the nearest object and to the second nearest. The
    second term is for the background alone: within an object it would be large at its rim.

    Args:
        objects: Number of the object at each pixel, 0 for the background, int (H, W).
        w0: Largest extra weight, >= 0.
        sigma: Half of how wide a gap is that still has 0.6 of it, in pixels, > 0.
        class_weights: The first term, (H, W), such as what balances frequencies; None for 1.

    Returns:
        float32 (H, W). Without two objects it is the first term.

    Raises:
        TypeError: If `objects` are not integers.
        ValueError: If shapes do not fit, an object has a negative number or an option is out of
            range.

    Example:
        >>> from jaxcnn.losses import border_weights
        >>> border_weights(np.array([[1, 0, 2]]), sigma=2).round(1)  # 1 + 10 e^-0.5
        array([[1. , 7.1, 1. ]], dtype=float32)

    Reference:
        Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
        Segmentation", MICCAI 2015, equation 2.
    """
    objects = np.asarray(objects)
    base = np.ones(objects.shape) if class_weights is None else np.asarray(class_weights)
    _check(objects, w0, sigma, base)
    nearest, second = two_distances(objects)
    extra = w0 * np.exp(-((nearest + second) ** 2) / (2 * sigma**2))
    return np.where(objects == 0, base + extra, base).astype(np.float32)


def two_distances(objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each pixel is from the nearest object and the second; infinity for none."""
    from scipy import ndimage  # comes with JAX, and takes a while to import

    nearest = np.full(objects.shape, np.inf)
    second = nearest.copy()
    for number in np.unique(objects[objects > 0]):
        distance = np.asarray(ndimage.distance_transform_edt(objects != number))
        second = np.minimum(second, np.maximum(nearest, distance))
        nearest = np.minimum(nearest, distance)
    return nearest, second


def _check(objects: np.ndarray, w0: float, sigma: float, base: np.ndarray) -> None:
    report = Report("border_weights", objects.shape)
    integers = np.issubdtype(objects.dtype, np.integer)
    fix = "number the objects, e.g. by scipy.ndimage.label"
    if report.expect(integers, "objects", objects, "must be integers", fix, kind=True):
        flat = objects.ndim == 2 and objects.size > 0
        report.expect(flat, "objects", objects, "must be (H, W)", "pass one image at a time")
        ok = not (objects < 0).any()
        report.expect(ok, "objects", objects, "must be >= 0", "use 0 for the background")
    ok = is_number(w0) and w0 >= 0
    report.expect(ok, "w0", w0, "must be a number >= 0", "use w0=10.0")
    ok = is_number(sigma) and sigma > 0
    report.expect(ok, "sigma", sigma, "must be a number of pixels > 0", "use sigma=5.0")
    rule = "must have the shape of objects"
    report.expect(base.shape == objects.shape, "class_weights", base, rule, "pass one a pixel")
    report.done()
