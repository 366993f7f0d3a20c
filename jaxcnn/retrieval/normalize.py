"""Vectors of length 1, whose inner products are cosines."""

from typing import Any

import jax.numpy as jnp

from jaxcnn.checks import Report
from jaxcnn.typing import Array


def l2_normalize(vectors: Any) -> Array:
    """Return vectors divided by their lengths; what is shorter than 1e-12 becomes zero.

    Args:
      vectors: (..., D), floating-point.

    Returns:
      (..., D).

    Raises:
      TypeError: If `vectors` is not floating-point.

    Example:
      >>> l2_normalize(jnp.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
      [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    report = Report("l2_normalize", vectors)
    report.floating("vectors", vectors)
    report.done()
    # By the largest entry first: the square of a float32 overflows from 1.8e19 on.
    top = jnp.abs(vectors).max(-1, keepdims=True)
    scaled = vectors / jnp.where(top > 1e-12, top, jnp.inf)
    length = jnp.sqrt((scaled * scaled).sum(-1, keepdims=True))
    return scaled / jnp.where(length > 0, length, 1)
