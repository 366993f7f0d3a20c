"""The classic filters of image processing, and the magnitude of the gradient."""

from types import MappingProxyType
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn.checks import Report, is_number
from jaxcnn.ops.conv import conv
from jaxcnn.ops.pad import expect_batch
from jaxcnn.typing import Array

# As correlations: `_x` answers to edges between left and right, `_y` between top and bottom.
FILTERS = MappingProxyType(
    {
        "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
        "prewitt_x": ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
        "prewitt_y": ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
        "sobel_x": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
        "sobel_y": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
        "laplacian": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
        "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    }
)


def classic_filter(name: str) -> np.ndarray:
    """Return a 3×3 filter by its name.

    Args:
      name: a key of `FILTERS`: `"identity"`, `"prewitt_x"`, `"prewitt_y"`, `"sobel_x"`,
        `"sobel_y"`, `"laplacian"` or `"sharpen"`.

    Returns:
      `(3, 3)` float32.

    Raises:
      ValueError: if the name is not known.

    >>> classic_filter("sobel_x")
    array([[-1.,  0.,  1.],
           [-2.,  0.,  2.],
           [-1.,  0.,  1.]], dtype=float32)
    """
    report = Report("classic_filter")
    report.choice("name", name, tuple(FILTERS))
    report.done()
    return np.asarray(FILTERS[name], np.float32)


def gaussian_filter(size: int, sigma: float) -> np.ndarray:
    r"""Return a filter that blurs, `exp(-(x² + y²) / 2σ²)` normalised to sum 1.

    Args:
      size: number of rows and columns, odd.
      sigma: standard deviation in pixels, > 0.

    Returns:
      `(size, size)` float32.

    Raises:
      ValueError: if the size is even or `sigma` not positive.

    >>> gaussian_filter(3, 0.85).round(2)
    array([[0.06, 0.12, 0.06],
           [0.12, 0.25, 0.12],
           [0.06, 0.12, 0.06]], dtype=float32)
    """
    report = Report("gaussian_filter")
    size = report.count("size", size)
    report.expect(size % 2 == 1, "size", size, "must be odd, to have a centre", "add one")
    ok = is_number(sigma) and sigma > 0
    report.expect(ok, "sigma", sigma, "must be a number > 0", "use about size / 6")
    report.done()
    row = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
    row /= row.sum()
    return np.outer(row, row).astype(np.float32)


def filter_images(x: Array, kernel: Any, *, padding_mode: str = "replicate") -> Array:
    """Filter every channel of a batch of images, which keep their size.

    Args:
      x: `(N, H, W, C)`, floating point.
      kernel: `(h, w)` with odd sizes.
      padding_mode: what lies beyond the border, as in `conv`.

    Returns:
      `(N, H, W, C)` in the dtype of `x`.

    Raises:
      ValueError: if the filter is not a matrix with odd sizes.

    >>> x = jnp.arange(3.0).reshape(1, 1, 3, 1)
    >>> filter_images(x, classic_filter("prewitt_x")).ravel()
    Array([3., 6., 3.], dtype=float32)
    """
    report = Report("filter_images", x)
    if expect_batch(report, x):
        rule, fix = "must have shape (N, H, W, C)", "add the missing axes"
        report.expect(x.ndim == 4, "x", x, rule, fix)
        report.floating("x", x)
    kernel = np.asarray(kernel) if not hasattr(kernel, "ndim") else kernel
    ok = kernel.ndim == 2 and all(n % 2 for n in kernel.shape)
    rule, fix = "must be a matrix with odd sizes", "use e.g. classic_filter('sobel_x')"
    report.expect(ok, "kernel", kernel, rule, fix)
    report.done()
    height, width = kernel.shape
    channels = x.shape[-1]
    weights = jnp.asarray(kernel, x.dtype)[:, :, None, None]
    weights = jnp.broadcast_to(weights, (height, width, 1, channels))
    padding = (height // 2, width // 2)
    return conv(x, weights, padding=padding, padding_mode=padding_mode, groups=channels)


def gradient_magnitude(
    x: Array, operator: str = "sobel", *, padding_mode: str = "replicate"
) -> Array:
    r"""Return the strength of edges, `sqrt(g_x² + g_y²)`, in every channel.

    Args:
      x: `(N, H, W, C)`, floating point.
      operator: `"sobel"` or `"prewitt"`.
      padding_mode: what lies beyond the border, as in `conv`.

    Returns:
      `(N, H, W, C)` in the dtype of `x`; its gradient is zero where there is no edge.

    Raises:
      ValueError: if the operator is not known.

    >>> x = jnp.zeros((1, 3, 3, 1)).at[:, :, 2].set(1)
    >>> gradient_magnitude(x)[0, 1, :, 0]
    Array([0., 4., 4.], dtype=float32)
    """
    report = Report("gradient_magnitude", x)
    report.choice("operator", operator, ("sobel", "prewitt"))
    report.done()
    along_x, along_y = (
        filter_images(x, classic_filter(f"{operator}_{axis}"), padding_mode=padding_mode)
        for axis in "xy"
    )
    energy = along_x**2 + along_y**2
    flat = energy == 0  # where the root has an infinite slope
    return jnp.where(flat, 0, jnp.sqrt(jnp.where(flat, 1, energy)))
