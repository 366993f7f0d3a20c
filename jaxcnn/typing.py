"""Type aliases and the legend of shapes that the whole library uses.

Arrays are channel-last. In shapes, `N` is the batch, `D`, `H`, `W` are the spatial
axes (`*S` stands for one, two or three of them), `C` the channels and `K` the classes.
Kernels are `(*window, in_channels // groups, out_channels)`, i.e. HWIO in two dimensions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax

Array = jax.Array
Key = jax.Array
"""A typed random key, as `jax.random.key` makes it."""

Shape = tuple[int, ...]
Dtype = Any
"""Whatever `numpy.dtype` accepts."""

Variables = Mapping[str, Any]
"""What `Module.init` returns: `{"params": ..., "batch_stats": ...}`."""

IntOrTuple = int | Sequence[int]
Padding = str | int | Sequence[int | tuple[int, int]]
"""`'SAME'`, `'VALID'`, an int for all axes, or per axis an int or a `(low, high)` pair."""
