"""Smooth random bending: how far each point moves, from few random numbers or from many."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxcnn.augment.affine_matrices import affine_matrices
from jaxcnn.augment.affine_warp import INTERPOLATIONS, Interpolation, affine_warp
from jaxcnn.augment.keys import check_batch, check_keys, stream
from jaxcnn.augment.pixels import Fill, expect_fill, expect_pixels
from jaxcnn.checks import Report, is_number
from jaxcnn.typing import Array, Key


def grid_displacements(
    keys: Key, size: tuple[int, int], *, deviation: float = 10.0, nodes: int = 3
) -> Array:
    """Draw a bending for each image: random at a few nodes, bicubic between them.

    The nodes lie evenly from the first pixel of each axis to the last. Each moves by Gaussian
    amounts along x and along y.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        size: Height and width of the images, in pixels.
        deviation: Standard deviation of the amounts, in pixels, >= 0.
        nodes: Along each axis, >= 2.

    Returns:
        Displacements (x, y) in pixels for `affine_warp`, float32 (B, H, W, 2).

    Raises:
        TypeError: If `keys` are not typed keys.
        ValueError: If a shape or a number does not fit.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys, grid_displacements
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> jax.eval_shape(lambda k: grid_displacements(k, (8, 9)), keys).shape
        (2, 8, 9, 2)

    Reference:
        Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
        Segmentation", MICCAI 2015, section 3.1. Keys, "Cubic Convolution Interpolation for Digital
        Image Processing", 1981.
    """
    report = check_keys("grid_displacements", keys)
    height, width = report.ints("size", size, 2)
    _expect_amount(report, "deviation", deviation)
    nodes = report.count("nodes", nodes, low=2)
    report.done()
    shape = (nodes, nodes, 2)
    draw = jax.vmap(lambda key: jax.random.normal(key, shape, jnp.float32))
    noise = deviation * draw(stream(keys, "grid_displacements"))
    return _spread(cubic_weights(height, nodes), cubic_weights(width, nodes), noise)


def gaussian_displacements(
    keys: Key, size: tuple[int, int], *, alpha: float = 34.0, sigma: float = 4.0
) -> Array:
    r"""Draw a bending for each image: random at every pixel, then blurred.

    .. math::
        \Delta = \alpha \, (G_\sigma * u), \qquad u \sim \mathrm{Uniform}(-1, 1)

    Beyond the border `u` is zero. A small `sigma` gives noise, a large one moves all alike; the
    defaults are those for digits of 28 pixels.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        size: Height and width of the images, in pixels.
        alpha: Strength, in pixels, >= 0.
        sigma: Standard deviation of the blur, in pixels, > 0; cut off at four of them.

    Returns:
        Displacements (x, y) in pixels for `affine_warp`, float32 (B, H, W, 2).

    Raises:
        TypeError: If `keys` are not typed keys.
        ValueError: If a shape or a number does not fit.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys, gaussian_displacements
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> jax.eval_shape(lambda k: gaussian_displacements(k, (28, 28)), keys).shape
        (2, 28, 28, 2)

    Reference:
        Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks Applied to
        Visual Document Analysis", ICDAR 2003, section 2.
    """
    report = check_keys("gaussian_displacements", keys)
    height, width = report.ints("size", size, 2)
    _expect_amount(report, "alpha", alpha)
    ok = is_number(sigma) and sigma > 0
    report.expect(ok, "sigma", sigma, "must be a number of pixels > 0", "use sigma=4.0")
    report.done()
    shape = (height, width, 2)
    draw = jax.vmap(lambda key: jax.random.uniform(key, shape, jnp.float32, -1, 1))
    noise = alpha * draw(stream(keys, "gaussian_displacements"))
    return _spread(gaussian_weights(height, sigma), gaussian_weights(width, sigma), noise)


def elastic_deform(
    keys: Key,
    images: ArrayLike,
    *,
    deviation: float = 10.0,
    nodes: int = 3,
    interpolation: Interpolation = "bilinear",
    fill: Fill = 0.0,
) -> Array:
    """Bend each image by its own `grid_displacements`.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: uint8 or floating, (B, H, W, C); with `nearest` any dtype.
        deviation: Standard deviation of the amounts, in pixels, >= 0.
        nodes: Along each axis, >= 2.
        interpolation: `bilinear`, or `nearest` for masks of classes: the same keys bend an image
            and its mask alike.
        fill: What is seen outside the input: one number, or one for each channel.

    Returns:
        Images of the same shape and dtype.

    Raises:
        TypeError: If `keys` are not typed keys or the dtype of the images does not fit.
        ValueError: If shapes do not fit or an option lies outside its range.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import elastic_deform, example_keys
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> images = jnp.zeros((2, 8, 8, 3), jnp.uint8)
        >>> jax.eval_shape(elastic_deform, keys, images).shape
        (2, 8, 8, 3)

    Reference:
        Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
        Segmentation", MICCAI 2015, section 3.1.
    """
    images = jnp.asarray(images)
    report = check_batch("elastic_deform", keys, images)
    report.choice("interpolation", interpolation, INTERPOLATIONS)
    if interpolation == "bilinear":
        expect_pixels(report, images)
    expect_fill(report, "fill", fill, images)
    report.done()
    size = (images.shape[1], images.shape[2])
    moved = grid_displacements(keys, size, deviation=deviation, nodes=nodes)
    still = jnp.broadcast_to(affine_matrices(size), (images.shape[0], 3, 3))
    return affine_warp(images, still, displacements=moved, interpolation=interpolation, fill=fill)


def cubic_weights(size: int, nodes: int) -> np.ndarray:
    """Return how much of each node is at each pixel, float32 (size, nodes); rows sum to 1.

    >>> cubic_weights(5, 3)[1].tolist()  # halfway from the first node to the second
    [0.5, 0.5625, -0.0625]
    """
    places = np.linspace(0, nodes - 1, size)
    weights = np.zeros((size, nodes))
    for offset in (-1, 0, 1, 2):
        neighbour = np.floor(places).astype(int) + offset
        share = _cubic(np.abs(places - neighbour))
        np.add.at(weights, (np.arange(size), neighbour.clip(0, nodes - 1)), share)
    return weights.astype(np.float32)


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Return Keys' kernel with a = -1/2, of distances below two."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0))


def gaussian_weights(size: int, sigma: float) -> np.ndarray:
    """Return the matrix that blurs a row of this size, float32 (size, size), cut off at 4 sigma."""
    radius = int(4 * sigma + 0.5)
    distance = np.arange(-radius, radius + 1)
    kernel = np.exp(-(distance**2) / (2 * sigma**2))
    apart = np.abs(np.arange(size)[:, None] - np.arange(size))
    blur = np.exp(-(apart**2) / (2 * sigma**2)) / kernel.sum()
    return np.where(apart <= radius, blur, 0).astype(np.float32)


def _spread(rows: ArrayLike, columns: ArrayLike, noise: ArrayLike) -> Array:
    """Return the noise (B, n, m, 2) at every pixel: a weighted mean along each axis in turn."""
    # In 64 bits, where they are enabled, an image's sums do not depend on the size of the batch.
    rows, noise, columns = (jnp.asarray(a, jnp.result_type(float)) for a in (rows, noise, columns))
    everywhere = jnp.einsum("hn,bnmc,wm->bhwc", rows, noise, columns, precision="highest")
    return everywhere.astype(jnp.float32)


def _expect_amount(report: Report, name: str, value: float) -> None:
    ok = is_number(value) and value >= 0
    report.expect(ok, name, value, "must be a number of pixels >= 0", f"use {name}=10.0")
