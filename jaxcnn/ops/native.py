"""The convolution as XLA has it, without any form of our own."""

from typing import Any

from jax import lax

from jaxcnn.ops.window import Window
from jaxcnn.typing import Array

# Axis letters of lax: input, kernel and output for one, two and three spatial axes.
NUMBERS = {
    1: ("NWC", "WIO", "NWC"),
    2: ("NHWC", "HWIO", "NHWC"),
    3: ("NDHWC", "DHWIO", "NDHWC"),
}


def native(x: Array, kernel: Array, place: Window, groups: int, precision: Any) -> Array:
    """Convolve with XLA's own operation."""
    return lax.conv_general_dilated(
        x,
        kernel,
        place.stride,
        place.padding,
        rhs_dilation=place.dilation,
        dimension_numbers=NUMBERS[x.ndim - 2],
        feature_group_count=groups,
        precision=precision,
    )
