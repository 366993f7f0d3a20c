"""Keys and images that the tests of this room share."""

import functools

import jax
import numpy as np

from jaxcnn.augment import example_keys


@functools.cache
def keys(count):
    return jax.jit(example_keys)(jax.random.key(7), 0, np.arange(count))


def pixels(shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
