"""Maps as one number for each pixel."""

from typing import Any

import jax.numpy as jnp

from jaxcnn.checks import Report
from jaxcnn.typing import Array


def heat_of(report: Report, x: Any, maps: Any) -> Array:
    """Return maps (N, H, W), their channels added up; note what does not fit the images."""
    shape = jnp.shape(x)
    ok = len(shape) == 4 and jnp.shape(maps)[:3] == shape[:3] and jnp.ndim(maps) in (3, 4)
    rule = f"must have shape {shape[:3]}, or channels besides"
    if not report.expect(ok, "maps", maps, rule, "give the maps of these images, upsampled"):
        return jnp.zeros(shape[:3])
    maps = jnp.asarray(maps)
    return maps.sum(-1) if maps.ndim == 4 else maps
