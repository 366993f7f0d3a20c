"""What an equation is called where it stands for itself: a pool is no module, but a layer."""

from flax import linen as nn

from jaxcnn.models.inspect.spread import sources
from jaxcnn.models.inspect.walk import Step
from jaxcnn.models.parts import Named
from jaxcnn.typing import Shape

POOLS = {
    "reduce_window_max": "max_pool",
    "reduce_window_min": "min_pool",
    "reduce_window_sum": "avg_pool",
    "reduce_window": "pool",
}
GLOBAL = {
    "reduce_max": "global_max_pool",
    "reduce_min": "global_min_pool",
    "reduce_sum": "global_avg_pool",
}


def class_of(module: nn.Module) -> str:
    """Return what a module is: its class, or the function that it only names.

    >>> class_of(Named(nn.relu)), class_of(nn.Dense(3))
    ('relu', 'Dense')
    """
    function = module.function if isinstance(module, Named) else None
    return getattr(function, "__name__", type(module).__name__)


def kind_of(step: Step) -> str | None:
    """Return the name of a layer that is one equation, or None for all other equations."""
    if step.name == "conv_general_dilated":
        return "conv"
    if step.name == "dot_general":
        return "dot" if step.work else _resampling(step)
    if all(value.spread is None for value in step.operands):
        return None
    if step.name in POOLS:
        window, _ = window_of(step)
        return POOLS[step.name] if window and max(window) > 1 else None
    if step.name in GLOBAL and _over_space(step):
        return GLOBAL[step.name]
    return None


def _over_space(step: Step) -> bool:
    (image, *_), axes = step.operands, step.params["axes"]
    return image.spread is not None and any(sources(image.spread.axes[axis]) for axis in axes)


def _resampling(step: Step) -> str | None:
    """Name a product of a map with a matrix that the architecture fixes."""
    (contracted, _) = step.params["dimension_numbers"]
    for value, axes in zip(step.operands, contracted, strict=True):
        if value.spread is not None and any(sources(value.spread.axes[axis]) for axis in axes):
            smaller = step.results[0].nbytes <= value.nbytes
            return "adaptive_avg_pool" if smaller else "resize"
    return None


def window_of(step: Step) -> tuple[Shape | None, Shape | None]:
    """Return the window and the stride of a convolution or pooling, along its spatial axes."""
    params = step.params
    if step.name == "conv_general_dilated":
        numbers = params["dimension_numbers"]
        kernel = step.operands[1].shape
        return tuple(kernel[i] for i in numbers.rhs_spec[2:]), tuple(params["window_strides"])
    if step.name in POOLS:
        image = step.operands[0].spread
        axes = [i for i, axis in enumerate(image.axes if image else ()) if sources(axis)]
        window, stride = params["window_dimensions"], params["window_strides"]
        return tuple(window[i] for i in axes), tuple(stride[i] for i in axes)
    return None, None


def groups_of(step: Step) -> int:
    """Return the number of groups of a convolution."""
    return step.params.get("feature_group_count", 1)
