"""The argument checks that the metrics share."""

import jax.numpy as jnp

from jaxcnn.checks import Report
from jaxcnn.typing import Array, Shape


def expect_classes(report: Report, **arrays: Array) -> None:
    """Expect every array to hold integers."""
    for name, array in arrays.items():
        integers = bool(jnp.issubdtype(array.dtype, jnp.integer))
        fix = f"convert them, {name}.astype(jnp.int32)"
        report.expect(integers, name, array, "must be integers", fix, kind=True)


def expect_mask(report: Report, mask: Array, shape: Shape) -> None:
    """Expect `mask` to be boolean and of the given shape."""
    fix = "pass True where an example counts"
    report.expect(mask.dtype == jnp.bool_, "mask", mask, "must be bool", fix, kind=True)
    report.expect(mask.shape == shape, "mask", mask, f"must have shape {shape}", fix)
