"""One warp for every affine change of an image: rotate, shear, translate, scale, flip."""

from typing import Literal

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.pixels import Fill, expect_fill, expect_pixels, narrow, widen
from jaxcnn.checks import Report
from jaxcnn.typing import Array

INTERPOLATIONS = ("bilinear", "nearest")

Interpolation = Literal["bilinear", "nearest"]


def affine_warp(
    images: ArrayLike,
    matrices: ArrayLike,
    *,
    displacements: ArrayLike | None = None,
    interpolation: Interpolation = "bilinear",
    fill: Fill = 0.0,
) -> Array:
    """Resample each image through its own affine map, bent if wanted.

    The pixel in row i and column j of the result shows the input at `(x, y)`, where
    `(x, y, 1) = M (j + 1/2, i + 1/2, 1)`: pixels are unit squares, the origin is the outer corner
    of the first, x runs to the right and y down. So `M` is the inverse of the motion that is seen,
    and its six numbers are those of Pillow's `Image.transform`.

    Args:
        images: uint8 or floating, (B, H, W, C); with `nearest` any dtype.
        matrices: Floating, (B, 3, 3); the last row is not read. See `affine_matrices`.
        displacements: Added to the points (x, y) that are looked at, in pixels, floating
            (B, H, W, 2); None for none. See `grid_displacements`.
        interpolation: `bilinear`, or `nearest` for masks of classes.
        fill: What is seen outside the input, in units of the pixels: one number, or one for each
            channel. Beyond the centres of the outermost pixels, up to their edges, those pixels
            are repeated.

    Returns:
        Images of the same shape and dtype; bytes are rounded to the nearest.

    Raises:
        TypeError: If dtypes do not fit.
        ValueError: If shapes do not fit or an option is unknown.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.augment import affine_warp
        >>> shift = jnp.array([[[1.0, 0, -1], [0, 1, 0], [0, 0, 1]]])  # one pixel to the right
        >>> affine_warp(jnp.arange(1.0, 4).reshape(1, 1, 3, 1), shift, fill=9).ravel().tolist()
        [9.0, 1.0, 2.0]

    Reference:
        Jaderberg et al., "Spatial Transformer Networks", NeurIPS 2015, section 3.
    """
    images, matrices = jnp.asarray(images), jnp.asarray(matrices)
    moved = None if displacements is None else jnp.asarray(displacements)
    _check(images, matrices, moved, interpolation, fill)
    height, width = images.shape[1:3]
    across = (jnp.arange(width, dtype=matrices.dtype) + 0.5)[None, None, :]
    down = (jnp.arange(height, dtype=matrices.dtype) + 0.5)[None, :, None]
    x, y = (
        matrices[:, row, 0, None, None] * across
        + matrices[:, row, 1, None, None] * down
        + matrices[:, row, 2, None, None]
        for row in (0, 1)
    )
    if moved is not None:
        x, y = x + moved[..., 0], y + moved[..., 1]
    look = _bilinear if interpolation == "bilinear" else _pixel
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    border = jnp.broadcast_to(jnp.asarray(fill, images.dtype), images.shape[-1:])
    return jnp.where(inside[..., None], look(images, x, y), border[None, None, None])


def _pixel(images: Array, x: Array, y: Array) -> Array:
    """Return the pixels that hold the points, those of the border for points outside."""
    rows = jnp.clip(jnp.floor(y), 0, images.shape[1] - 1).astype(jnp.int32)
    columns = jnp.clip(jnp.floor(x), 0, images.shape[2] - 1).astype(jnp.int32)
    return images[jnp.arange(images.shape[0])[:, None, None], rows, columns]


def _bilinear(images: Array, x: Array, y: Array) -> Array:
    x, y = x - 0.5, y - 0.5
    right, lower = ((v - jnp.floor(v))[..., None].astype(widen(images).dtype) for v in (x, y))

    def between_columns(y: Array) -> Array:
        first, second = (widen(_pixel(images, columns, y)) for columns in (x, x + 1))
        return first + right * (second - first)

    above, below = between_columns(y), between_columns(y + 1)
    return narrow(above + lower * (below - above), images.dtype)


def _check(
    images: Array, matrices: Array, moved: Array | None, interpolation: str, fill: Fill
) -> None:
    report = Report("affine_warp", images.shape)
    report.choice("interpolation", interpolation, INTERPOLATIONS)
    if interpolation != "nearest":
        expect_pixels(report, images)
    fix = "pass a batch, of one image as image[None]"
    if report.expect(images.ndim == 4, "images", images, "must be (B, H, W, C)", fix):
        expect_fill(report, "fill", fill, images)
        shape = (images.shape[0], 3, 3)
        rule = f"must have shape {shape}, one for each image"
        report.expect(matrices.shape == shape, "matrices", matrices, rule, "use affine_matrices")
        if moved is not None:
            rule = f"must have shape {(*images.shape[:3], 2)}, one (x, y) for each pixel"
            fits = moved.shape == (*images.shape[:3], 2)
            report.expect(fits, "displacements", moved, rule, "use grid_displacements")
            report.floating("displacements", moved)
    report.floating("matrices", matrices)
    report.done()
