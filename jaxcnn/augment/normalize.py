"""From stored bytes to what a network reads."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxcnn.typing import Array, Dtype


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
    if images.dtype != jnp.uint8:
        raise TypeError(
            f"normalize: images must be uint8, got {images.dtype}{list(images.shape)}; mean and "
            "std are for bytes scaled to [0, 1], so scale other types yourself"
        )
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"normalize: dtype must be floating, got {jnp.dtype(dtype).name}")
    means = _per_channel("mean", mean, images.shape)
    stds = _per_channel("std", std, images.shape)
    if not (stds > 0).all():
        raise ValueError(f"normalize: std must be > 0 in every channel, got {tuple(std)}")
    wide = jnp.promote_types(dtype, jnp.float32)
    shift = jnp.asarray(255.0 * means, wide)
    scale = jnp.asarray(1.0 / (255.0 * stds), wide)
    return ((images.astype(wide) - shift) * scale).astype(dtype)


def _per_channel(name: str, values: Sequence[float], shape: tuple[int, ...]) -> np.ndarray:
    """Return `values` shaped to broadcast against `shape` without rank promotion."""
    array = np.asarray(values, np.float64)
    channels = shape[-1] if shape else 1
    if array.ndim != 1 or array.size not in (1, channels) or not np.isfinite(array).all():
        raise ValueError(
            f"normalize: {name} must be {channels} finite numbers, or one for all channels, "
            f"for images {shape}, got {values!r}"
        )
    return array.reshape((1,) * (len(shape) - 1) + (-1,))
