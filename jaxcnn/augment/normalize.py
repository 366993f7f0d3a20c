"""From stored bytes to what a network reads."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxcnn.checks import Report
from jaxcnn.typing import Array, Dtype, Shape


def normalize(
    images: ArrayLike, mean: Sequence[float], std: Sequence[float], dtype: Dtype = jnp.float32
) -> Array:
    """Scale bytes to [0, 1], subtract the mean and divide by the standard deviation.

    `y = (x / 255 - mean) / std`, computed as `(x - 255 mean) * (1 / (255 std))`: a difference and
    then a product, which no compiler fuses, so that jit and eager agree to the last bit.

    Args:
        images: uint8, (B, H, W, C), or any shape with channels last.
        mean: Mean of each channel for values in [0, 1], C numbers, or one for all channels.
        std: Standard deviation of each channel for values in [0, 1], > 0, C numbers or one.
        dtype: Floating type of the result; the computation is in float32 at least.

    Returns:
        Images of the same shape, of `dtype`.

    Raises:
        TypeError: If `images` are not uint8 or `dtype` is not floating.
        ValueError: If `mean` or `std` has the wrong length or a value that cannot be meant.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.augment import normalize
        >>> normalize(jnp.array([[[[0], [255]]]], jnp.uint8), (0.5,), (0.5,)).ravel().tolist()
        [-1.0, 1.0]

    Reference:
        LeCun et al., "Efficient BackProp", 1998, section 4.3 (inputs of zero mean, equal spread).
    """
    images = jnp.asarray(images)
    report = Report("normalize", images.shape)
    fix = "scale other types by hand: mean and std are for bytes scaled to [0, 1]"
    report.expect(images.dtype == jnp.uint8, "images", images, "must be uint8", fix, kind=True)
    floating = bool(jnp.issubdtype(dtype, jnp.floating))
    report.expect(floating, "dtype", dtype, "must be floating", "use jnp.float32", kind=True)
    means = _per_channel(report, "mean", mean, images.shape)
    stds = _per_channel(report, "std", std, images.shape)
    fix = "give a channel that never changes 1"
    report.expect(bool((stds > 0).all()), "std", std, "must be > 0 in every channel", fix)
    report.done()
    wide = jnp.promote_types(dtype, jnp.float32)
    shift = jnp.asarray(255.0 * means, wide)
    scale = jnp.asarray(1.0 / (255.0 * stds), wide)
    return ((images.astype(wide) - shift) * scale).astype(dtype)


def _per_channel(report: Report, name: str, values: Sequence[float], shape: Shape) -> np.ndarray:
    """Return `values` shaped to broadcast against `shape` without rank promotion."""
    array = np.asarray(values, np.float64)
    channels = shape[-1] if shape else 1
    ok = array.ndim == 1 and array.size in (1, channels) and bool(np.isfinite(array).all())
    rule = f"must be {channels} finite numbers, or one for all channels"
    if not report.expect(ok, name, values, rule, f"use {name}=(0.5,)"):
        return np.ones((1,) * len(shape))
    return array.reshape((1,) * (len(shape) - 1) + (-1,))
