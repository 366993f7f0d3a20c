"""Several methods, networks and measures at once."""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flax import linen as nn

from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables


def table(
    methods: Mapping[str, Callable[..., Array]],
    models: Mapping[str, tuple[nn.Module, Variables]],
    x: Array,
    target: int | Array | str | Target,
    measures: Mapping[str, Callable[..., Array]],
) -> list[dict[str, Any]]:
    """Return what measures say of methods on networks: a row for each method and network.

    Args:
      methods: Functions `(model, variables, x, target) -> maps` by their names, e.g.
        `explain.saliency` or a `functools.partial` of a method with its options.
      models: Models with their variables, by name.
      x: Images (N, H, W, C), floating-point.
      target: What is explained.
      measures: Functions `(model, variables, x, target, maps) -> values (N,)` by their names.

    Returns:
      Rows with the names of `model` and `method`, the number of `images`, and of each measure the
      mean over the images and, as `NAME_error`, the standard error of this mean.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxcnn import explain
      >>> def score(model, variables, x, target, maps): return maps.sum((1, 2, 3))
      >>> linear = nn.Dense(1, use_bias=False), {"params": {"kernel": jnp.ones((2, 1))}}
      >>> x, methods = jnp.ones((1, 1, 1, 2)), {"gradient": explain.gradient_x_input}
      >>> table(methods, {"linear": linear}, x, 0, {"sum": score})
      [{'model': 'linear', 'method': 'gradient', 'images': 1, 'sum': 2.0, 'sum_error': nan}]
    """
    rows = []
    for (model_name, (model, variables)), name in itertools.product(models.items(), methods):
        maps = methods[name](model, variables, x, target)
        row = {"model": model_name, "method": name, "images": len(x)}
        for measure, function in measures.items():
            values = np.asarray(function(model, variables, x, target, maps), float)
            error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
            row |= {measure: float(values.mean()), f"{measure}_error": float(error)}
        rows.append(row)
    return rows
