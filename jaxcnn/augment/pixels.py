"""The range of pixels: bytes from 0 to 255, or floats whose white is 1."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.augment.keys import check_batch
from jaxcnn.checks import Report, is_number
from jaxcnn.typing import Array, Dtype, Key

Fill = float | Sequence[float]
Range = tuple[float, float]


def check_pixels(function: str, keys: Key, images: Array) -> Report:
    """Expect a batch of bytes or floats and a key for each image; return the open report."""
    report = check_batch(function, keys, images)
    expect_pixels(report, images)
    return report


def expect_pixels(report: Report, images: Array) -> None:
    """Expect bytes or floats."""
    ok = images.dtype == jnp.uint8 or bool(jnp.issubdtype(images.dtype, jnp.floating))
    fix = "pass bytes, or floats whose white is 1"
    report.expect(ok, "images", images, "must be uint8 or floating", fix, kind=True)


def expect_colours(report: Report, images: Array) -> None:
    """Expect grey images or RGB."""
    ok = images.ndim != 4 or images.shape[-1] in (1, 3)
    report.expect(ok, "images", images, "must have 1 or 3 channels", "pass grey images or RGB")


def expect_range(report: Report, name: str, value: Range, low: float, high: float) -> None:
    """Expect two numbers in ascending order within [low, high]."""
    ok = isinstance(value, Sequence) and len(value) == 2 and all(map(is_number, value))
    rule = f"must be two ascending numbers in [{low:g}, {high:g}]"
    ok = ok and low <= value[0] <= value[1] <= high
    report.expect(ok, name, value, rule, f"pass {name}=(smallest, largest)")


def expect_fill(report: Report, name: str, fill: Fill, images: Array) -> None:
    """Expect one finite number, or one for each channel."""
    array = np.asarray(fill, np.float64)
    ok = array.shape in ((), images.shape[-1:]) and bool(np.isfinite(array).all())
    rule = "must be a finite number, or one for each channel"
    report.expect(ok, name, fill, rule, f"use {name}=0.0")


def white(images: Array) -> float:
    """Return the largest value of a pixel."""
    return 255.0 if images.dtype == jnp.uint8 else 1.0


def widen(images: Array) -> Array:
    """Return the same values as floats, of float32 at least."""
    return images.astype(jnp.promote_types(images.dtype, jnp.float32))


def narrow(values: Array, dtype: Dtype) -> Array:
    """Return to `dtype`: bytes are rounded to the nearest, and clipped."""
    if dtype == jnp.uint8:
        values = jnp.clip(jnp.round(values), 0, 255)
    return values.astype(dtype)


def per_image(values: Array) -> Array:
    """Shape one number for each image to broadcast against the images."""
    return values[:, None, None, None]


def uniform(keys: Key, low: float, high: float) -> Array:
    """Draw one float32 for each key; the draws do not change where 64-bit floats are enabled."""
    return jax.vmap(lambda key: jax.random.uniform(key, (), jnp.float32, low, high))(keys)
