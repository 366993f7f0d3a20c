"""Parts of images that are shown or covered as wholes: squares, superpixels, any labels."""

import importlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxcnn.checks import Report, is_int
from jaxcnn.typing import Array, Shape


def superpixels(x: Array, count: int = 50, *, compactness: float = 10.0) -> np.ndarray:
    """Return parts that follow the edges of each image, by SLIC; on the host.

    Args:
      x: Images (N, H, W, C) of any range, which is brought to [0, 1].
      count: About how many parts an image has.
      compactness: How much more square than equal in colour the parts are.

    Returns:
      Labels (N, H, W), int32, from 0.

    Raises:
      ValueError: If x is no batch of images, or a number is out of range.
      ImportError: If scikit-image is not installed.

    Source: Achanta et al. 2012, "SLIC superpixels compared to state-of-the-art"; scikit-image.

    Example:
      >>> superpixels(np.zeros((2, 8, 8, 3)), count=4).shape  # doctest: +SKIP
      (2, 8, 8)
    """
    report = Report("superpixels", x)
    ok = getattr(x, "ndim", 0) == 4 and not isinstance(x, Tracer)
    rule, fix = "must be images (N, H, W, C), not traced", "call it outside of jax.jit"
    report.expect(ok, "x", x, rule, fix)
    report.count("count", count)
    report.done()
    try:
        slic = importlib.import_module("skimage.segmentation").slic
    except ImportError as error:
        message = "superpixels needs scikit-image: pip install 'jaxcnn[cli]', or take squares"
        raise ImportError(message) from error
    images = np.asarray(x, np.float64)
    low, high = images.min(), images.max()
    images = (images - low) / (high - low or 1)
    # Distances of colours are those of Lab, which only images of three channels have.
    options = {"compactness": compactness, "start_label": 0, "channel_axis": -1}
    options["convert2lab"] = x.shape[-1] == 3
    return np.stack([slic(image, count, **options) for image in images]).astype(np.int32)


def squares(size: Shape, grid: int) -> np.ndarray:
    """Return the labels (H, W) of a grid of equal rectangles, row by row.

    Args:
      size: Height and width.
      grid: Rectangles in height and in width.

    Returns:
      Labels (H, W), int32, from 0 to grid² - 1.

    Example:
      >>> squares((2, 4), 2)
      array([[0, 0, 1, 1],
             [2, 2, 3, 3]], dtype=int32)
    """
    rows, columns = (np.arange(side) * grid // side for side in size)
    return (grid * rows[:, None] + columns[None]).astype(np.int32)


def labels_of(report: Report, x: Any, segments: Any) -> tuple[Array, int]:
    """Return labels (N, H, W) and how many there are; `segments` is a grid or labels."""
    if getattr(x, "ndim", 0) != 4:
        return jnp.zeros((1, 1, 1), int), 1
    batch, *size = x.shape[:3]
    if is_int(segments):
        rule, fix = f"must be >= 1 and fit into the image, {tuple(size)}", "use fewer squares"
        if not report.expect(1 <= segments <= min(size), "segments", segments, rule, fix):
            return jnp.zeros((1, 1, 1), int), 1
        segments = squares(tuple(size), segments)
    rule, fix = "must be constant: their number shapes the program", "close over them"
    if not report.expect(not isinstance(segments, Tracer), "segments", segments, rule, fix):
        return jnp.zeros((1, 1, 1), int), 1
    labels = np.asarray(segments)
    ok = labels.dtype.kind in "iu" and labels.shape in ((*size,), (batch, *size), (1, *size))
    rule = f"must be a number, or ints of shape {tuple(size)} or {(batch, *size)}"
    fix = "use explain.superpixels(x), or the squares of a grid by their number"
    if report.expect(ok, "segments", segments, rule, fix):
        rule, fix = "must not be negative", "count parts from 0"
        report.expect(labels.min() >= 0, "segments", segments, rule, fix)
    labels = labels.reshape(-1, *size) if ok else np.zeros((1, *size), np.int32)
    labels = np.broadcast_to(labels, (batch, *size))
    return jnp.asarray(labels), int(labels.max()) + 1


def paint(values: Array, labels: Array) -> Array:
    """Return maps (N, H, W) in which each part has its value; values are (N, M).

    >>> paint(jnp.array([[5, 7]]), jnp.array([[[0, 1, 0]]]))
    Array([[[5, 7, 5]]], dtype=int32)
    """
    return jax.vmap(lambda values, labels: values[labels])(values, labels)
