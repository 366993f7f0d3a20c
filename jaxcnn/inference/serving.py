"""A network for inference as a function of its variables and of bytes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.inference.batches import Transforms
from jaxcnn.models import fold_batch_norm
from jaxcnn.typing import Array, Dtype, Shape, Variables

Serving = Callable[[Variables, Array], Array]


def serving(
    model: nn.Module,
    variables: Variables,
    transforms: Transforms,
    *,
    dtype: Dtype | None = None,
    fold: bool = True,
) -> tuple[nn.Module, Variables]:
    """Return the model and the variables that serve: folded, in the type of the computation."""
    if fold:
        model, variables = fold_batch_norm(
            model, variables, input_shape=(1, *image_shape(transforms))
        )
    if dtype is None:
        return model, variables
    report = Report("predictor")
    rule, fix = "needs a model with a field dtype", "leave dtype out, or give the model the field"
    report.expect("dtype" in model.__dataclass_fields__, "dtype", dtype, rule, fix)
    report.done()
    return model.clone(dtype=jnp.dtype(dtype)), variables


def logits(model: nn.Module, transforms: Transforms) -> Serving:
    """Return the function from variables and bytes to logits, preprocessing included."""

    def serve(variables: Variables, pixels: Array) -> Array:
        # Normalising is written for NumPy, which broadcasts one number a channel by itself.
        with jax.numpy_rank_promotion("allow"):
            x: Any = transforms.normalize(pixels)  # type: ignore[arg-type]
        found: Any = model.apply(variables, x, train=False)
        return found

    return serve


def image_shape(transforms: Transforms) -> Shape:
    """Return the shape (H, W, C) of one image as it is prepared."""
    return transforms.pixels(np.zeros((8, 8, 3), np.uint8)).shape[1:]
