"""The maps of a network on its way down: what a decoder builds on."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from flax import linen as nn

from jaxcnn.typing import Array


class ReachedVectors(BaseException):
    """Leaves a classifier where its maps have become vectors."""


def stage_maps(backbone: nn.Module, x: Array, train: bool) -> list[Array]:
    """Return what the modules directly under a classifier make, as long as these are maps.

    A classifier has to offer nothing but that: its stages are such modules. It is left where one
    of them is given vectors, so that layers after the maps have no parameters.

    Args:
      backbone: The classifier, bound: a submodule of the module that calls this.
      x: Images (N, H, W, C).
      train: Whether it trains.

    Returns:
      Maps (N, H', W', C'), in the order in which their modules were first called.
    """
    maps: dict[str, Array] = {}

    def keep(call: Any, args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
        path = context.module.path
        if path[:-1] != backbone.path or context.method_name != "__call__":
            return call(*args, **kwargs)
        if args[0].ndim != 4:
            raise ReachedVectors
        y = call(*args, **kwargs)
        if getattr(y, "ndim", 0) == 4:
            # Under nn.remat the inner call comes first, and the outer one replaces its value.
            maps[path[-1]] = y
        return y

    with nn.intercept_methods(keep), suppress(ReachedVectors):
        backbone(x, train)
    return list(maps.values())


def pyramid(maps: Sequence[Array]) -> list[Array]:
    """Return one map for each size, from the smallest up: the last one of each.

    Sizes that differ by less than half, as valid convolutions make them, count as one.

    >>> import numpy as np
    >>> sizes = (149, 147, 147, 71, 35, 17, 17, 8)
    >>> [y.shape[1] for y in pyramid([np.zeros((1, n, n, 1)) for n in sizes])]
    [8, 17, 35, 71, 147]
    """
    levels: list[Array] = []
    for y in reversed(maps):
        if not levels or 2 * y.shape[1] >= 3 * levels[-1].shape[1]:
            levels.append(y)
    return levels
