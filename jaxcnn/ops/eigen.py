"""Convolutions that XLA for CPUs is led to compute by Eigen, where that is faster.

It gives a convolution to YNNPACK unless the output is larger than the input, and to Eigen then
(`IsConvolutionOpSupportedByYnn` in xla/backends/cpu/ynn_support.cc). One row of output more, which
is dropped, costs less than what is gained: on two cores 1.2 times the speed for 3x3 windows on
7x7 maps with 512 channels, and with jax 0.10 1.2-1.6 times for few channels on narrow maps.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.export import is_symbolic_dim

from jaxcnn.ops.native import native
from jaxcnn.ops.window import Window
from jaxcnn.typing import Array, Shape

FEW, NARROW, MANY = 80, 72, 1024
"""Channels of output, columns and positions of a batch, between which YNNPACK of jax 0.10 is slow:
it multiplies row by row."""
TINY, WIDE = 64, 512
"""Positions and channels at which YNNPACK is slow in every version."""
ROW_BY_ROW = jax.__version_info__ < (0, 11)


def pays(x: Shape, kernel: Shape, place: Window, outer: int) -> bool:
    """Say whether Eigen is faster for a convolution to `outer` channels, or for a transpose.

    >>> place = Window((7, 7), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), (7, 7), (0, 0))
    >>> pays((8, 7, 7, 512), (3, 3, 512, 512), place, 512)
    True
    >>> pays((8, 7, 7, 256), (3, 3, 256, 256), place, 256)
    False
    """
    plain = len(place.window) == 2 and place.stride == place.dilation == (1, 1)
    if not plain or place.output != place.sizes or min(place.padding[0]) < 1:
        return False
    positions = math.prod(place.output)
    if positions <= TINY and min(kernel[-2:]) >= WIDE:
        return True
    many = is_symbolic_dim(x[0]) or x[0] * positions >= MANY
    return ROW_BY_ROW and 16 < outer <= FEW and place.output[1] <= NARROW and many


def one_row_more(x: Array, kernel: Array, place: Window, groups: int, precision: Any) -> Array:
    """Convolve, with a row of output that is dropped."""
    (top, bottom), columns = place.padding
    longer = place._replace(padding=((top, bottom + 1), columns))
    return native(x, kernel, longer, groups, precision)[:, :-1]


def one_row_less(x: Array, kernel: Array, place: Window, groups: int, precision: Any) -> Array:
    """Convolve an input with a row of padding, so that the transpose has a row more."""
    (top, bottom), columns = place.padding
    longer = jnp.pad(x, ((0, 0), (0, 1), (0, 0), (0, 0)))
    shorter = place._replace(padding=((top, bottom - 1), columns))
    return native(longer, kernel, shorter, groups, precision)
