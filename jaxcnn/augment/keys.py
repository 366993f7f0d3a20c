"""Random keys, one for each example, that do not know on which device the example lies."""

import zlib

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.checks import Report
from jaxcnn.typing import Array, Key, Shape


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
    report = Report("example_keys")
    _expect_keys(report, "key", key, ())
    report.expect(
        jnp.shape(step) == (), "step", step, "must be a scalar", "pass the number of the step"
    )
    integers = bool(jnp.issubdtype(indices.dtype, jnp.integer))
    fix = "pass jnp.arange(batch_size), or this device's part of it"
    report.expect(integers, "indices", indices, "must be integers", fix, kind=True)
    report.expect(indices.ndim == 1, "indices", indices, "must be a vector (B,)", fix)
    report.done()
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


def check_batch(function: str, keys: Key, images: Array) -> Report:
    """Expect one typed key for each image of a batch (B, H, W, C); return the open report."""
    report = Report(function, images.shape)
    fix = "pass a batch, of one image as image[None]"
    if report.expect(images.ndim == 4, "images", images, "must be (B, H, W, C)", fix):
        _expect_keys(report, "keys", keys, images.shape[:1])
    return report


def check_keys(function: str, keys: Key) -> Report:
    """Expect typed keys (B,); return the open report."""
    report = Report(function)
    _expect_keys(report, "keys", keys, jnp.shape(keys)[:1] or (1,))
    return report


def _expect_keys(report: Report, argument: str, keys: Key, shape: Shape) -> None:
    fix = "use jax.random.key(seed)" if not shape else "use example_keys(key, step, indices)"
    if report.expect(is_key(keys), argument, keys, "must be typed random keys", fix, kind=True):
        rule = f"must have shape {shape}" + (", one for each image" if shape else "")
        report.expect(jnp.shape(keys) == shape, argument, keys, rule, fix)


def is_key(value: object) -> bool:
    """Tell whether `value` is an array of typed random keys."""
    return isinstance(value, jax.Array) and bool(jnp.issubdtype(value.dtype, jax.dtypes.prng_key))


def _as_threefry(key: Key) -> Key:
    if str(jax.random.key_impl(key)) == "threefry2x32":
        return key
    words = jax.random.bits(key, (2,), "uint32")
    return jax.random.wrap_key_data(words, impl="threefry2x32")
