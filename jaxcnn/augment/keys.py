"""Random keys, one for each example, that do not know on which device the example lies."""

import zlib

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.typing import Array, Key


def example_keys(key: Key, step: ArrayLike, indices: ArrayLike) -> Key:
    """Derive one random key for each example from the seed, the step and the example's index.

    `key_i = fold_in(fold_in(key, step), indices[i])`. No device, process or shard enters, so a
    batch that is spread over eight devices draws what it draws on one. On a device that holds a
    share of the batch, `indices` are the positions of its examples in the whole batch:
    `lax.axis_index(axis) * n + jnp.arange(n)`.

    The keys are always of the counter-based threefry kind, whatever kind `key` is: the draws of
    other kinds (`rbg`) depend, under `vmap`, on their neighbours in the batch.

    Args:
        key: One typed key (`jax.random.key(seed)`), scalar.
        step: Number of the optimizer step, >= 0, scalar; may be traced.
        indices: Global positions of the examples in the batch, >= 0, int (B,).

    Returns:
        Keys (B,), the first argument of every function of `jaxcnn.augment`.

    Raises:
        TypeError: If `key` is not a typed key or `indices` are not integers.
        ValueError: If `key` or `step` is not a scalar or `indices` is not a vector.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys
        >>> keys = example_keys(jax.random.key(0), 7, jnp.arange(4))
        >>> half = example_keys(jax.random.key(0), 7, jnp.arange(2, 4))
        >>> bool((keys[2:] == half).all())
        True

    Reference:
        Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (threefry).
    """
    indices = jnp.asarray(indices)
    if not is_key(key):
        raise TypeError(f"key must be a typed key such as jax.random.key(0), got {_describe(key)}")
    if not jnp.issubdtype(indices.dtype, jnp.integer):
        raise TypeError(f"indices must be integers, got {_describe(indices)}")
    if jnp.shape(key) or jnp.shape(step) or indices.ndim != 1:
        raise ValueError(
            "key and step must be scalars and indices a vector (B,), got key "
            f"{jnp.shape(key)}, step {jnp.shape(step)}, indices {indices.shape}"
        )
    step_key = jax.random.fold_in(_as_threefry(key), step)
    return jax.vmap(lambda index: jax.random.fold_in(step_key, index))(indices)


def stream(keys: Key, name: str) -> Key:
    """Derive the keys of one named purpose, independent of those of every other name.

    Each function of `jaxcnn.augment` draws from the stream of its own name, so the same keys serve
    a whole chain, and an image and its mask that are given the same keys are cropped alike. To
    apply one function twice, give it `stream(keys, "second")` the second time.

    Args:
        keys: Typed keys (B,).
        name: Any text; equal names give equal keys.

    Returns:
        Keys (B,).

    Example:
        >>> from jaxcnn.augment import example_keys, stream
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> bool((stream(keys, "crop") == stream(keys, "flip")).any())
        False
    """
    salt = zlib.crc32(name.encode())
    return jax.vmap(lambda key: jax.random.fold_in(key, salt))(keys)


def check_batch(function: str, keys: Key, images: Array) -> None:
    """Raise unless there is one typed key for each image of a batch (B, H, W, C)."""
    wrong = []
    if not is_key(keys):
        wrong.append(f"keys must be typed keys (see example_keys), got {_describe(keys)}")
    if images.ndim != 4:
        wrong.append(f"images must be (B, H, W, C), got {_describe(images)}")
    elif jnp.shape(keys)[:1] != images.shape[:1] or (is_key(keys) and jnp.ndim(keys) != 1):
        wrong.append(
            f"keys must be ({images.shape[0]},), one for each image, got {jnp.shape(keys)} "
            f"for images {images.shape}"
        )
    if wrong:
        error = ValueError if is_key(keys) else TypeError
        raise error(f"{function}: " + "; ".join(wrong))


def is_key(value: object) -> bool:
    """Tell whether `value` is an array of typed random keys."""
    return isinstance(value, jax.Array) and bool(jnp.issubdtype(value.dtype, jax.dtypes.prng_key))


def _as_threefry(key: Key) -> Key:
    if str(jax.random.key_impl(key)) == "threefry2x32":
        return key
    words = jax.random.bits(key, (2,), "uint32")
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def _describe(value: object) -> str:
    if isinstance(value, jax.Array):
        return f"{value.dtype}{list(value.shape)}"
    return repr(value)
