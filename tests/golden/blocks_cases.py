"""The blocks that are compared with PyTorch: their inputs and weights; NumPy only."""

import zlib

import numpy as np

INPUTS = {
    "basic": (2, 7, 6, 5),
    "basic_stride": (2, 7, 6, 5),
    "bottleneck": (2, 5, 6, 16),
    "bottleneck_stride": (2, 7, 6, 5),
    "bottleneck_groups": (2, 6, 6, 16),
    "bottleneck_wide": (2, 6, 6, 8),
    "preact_basic": (2, 6, 6, 5),
    "preact_basic_stride": (2, 7, 6, 5),
    "preact_bottleneck_stride": (2, 7, 6, 5),
    "inception_naive": (2, 6, 7, 3),
    "inception_v1": (2, 6, 7, 6),
    "inception_v1_bn": (2, 6, 7, 6),
    "inception_v2": (2, 6, 6, 6),
    "inception_v2_max": (2, 6, 6, 6),
    "inception_v2_reduction": (2, 6, 8, 6),
    "inception_a": (2, 5, 6, 6),
    "inception_b": (2, 7, 8, 6),
    "inception_c": (2, 5, 6, 6),
    "inception_d": (2, 7, 6, 6),
    "inception_e": (2, 3, 4, 6),
    "googlenet_aux": (2, 14, 13, 6),
    "inception_v3_aux": (2, 23, 20, 6),
    "dense": (2, 6, 7, 6),
    "dense_plain": (2, 6, 6, 6),
    "inverted": (2, 6, 6, 5),
    "inverted_stride": (2, 7, 6, 5),
    "inverted_thin": (2, 6, 6, 8),
    "mbconv": (2, 7, 6, 8),
    "mbconv_stride": (2, 7, 6, 8),
    "mobilenet_v3": (2, 6, 6, 8),
    "fused": (2, 6, 6, 8),
    "fused_thin": (2, 7, 6, 8),
    "unet_valid": (2, 20, 20, 2),
    "unet_padded": (2, 9, 11, 2),
}

KEPT = 400
"""How many numbers of each map are stored."""


def numbers(*name: str) -> np.random.RandomState:
    """Return the random numbers of a name: this generator's stream is frozen for good."""
    return np.random.RandomState(zlib.crc32("/".join(name).encode()))


def image(case: str) -> np.ndarray:
    """Return the input of a case, NHWC."""
    return numbers(case, "x").normal(size=INPUTS[case])


def weight(case: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a tensor of PyTorch's name and shape, such that maps stay of order 1."""
    draw = numbers(case, name)
    if len(shape) > 1:
        return draw.normal(size=shape) * np.prod(shape[1:]) ** -0.5
    if name.endswith(("weight", "running_var")):
        return draw.uniform(0.5, 1.5, size=shape)
    return draw.normal(size=shape) * 0.2


def direction(case: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the direction along which the gradient of a parameter is measured."""
    return numbers(case, name, "direction").normal(size=shape)


def sample(values: np.ndarray) -> np.ndarray:
    """Return some of a map's numbers, spread over all channels."""
    flat = np.asarray(values).ravel()
    return flat[np.random.RandomState(0).permutation(flat.size)[:KEPT]]
