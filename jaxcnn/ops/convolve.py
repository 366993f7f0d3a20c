"""How a convolution is computed; its arguments are known to be right."""

from typing import Any

from jax import lax

from jaxcnn.ops.window import Pairs
from jaxcnn.typing import Array, Shape

# Axis letters of lax: batch, then the spatial axes, then channels.
NUMBERS = {
    1: ("NWC", "WIO", "NWC"),
    2: ("NHWC", "HWIO", "NHWC"),
    3: ("NDHWC", "DHWIO", "NDHWC"),
}


def convolve(
    x: Array,
    kernel: Array,
    stride: Shape,
    pads: Pairs,
    dilation: Shape,
    groups: int = 1,
    precision: Any = None,
    input_dilation: Shape | None = None,
) -> Array:
    """Convolve `(N, *S, C)` with `(*window, C // groups, K)`."""
    return lax.conv_general_dilated(
        x,
        kernel,
        stride,
        pads,
        lhs_dilation=input_dilation,
        rhs_dilation=dilation,
        dimension_numbers=NUMBERS[x.ndim - 2],
        feature_group_count=groups,
        precision=precision,
    )
