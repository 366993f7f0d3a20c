"""Batch norms that stay as they are while the rest of the network trains."""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.finetune.patterns import Patterns, chosen, paths_of, paths_of_variables
from jaxcnn.typing import Array

COLLECTION = "batch_stats"


def frozen_norms(
    apply: Callable[..., Any], patterns: Patterns, when: Array | bool = True
) -> Callable[..., Any]:
    """Let batch norms behave as in inference though the network trains.

    A frozen layer whose statistics still move is not frozen: its output drifts away from what
    the layers behind it have learnt. Here the norms whose statistics the patterns cover
    normalise with the stored ones and leave them alone.

    Args:
      apply: `model.apply` of any Linen model, or a function that calls it; not one that is
        compiled already, since its trace is of the past.
      patterns: As in `freeze`, for paths of parameters and statistics: `stem`, `stage[12]`.
      when: Whether it is so; may be traced, and then costs the norms twice their work.

    Returns:
      `apply(variables, ...)` with the same arguments, variables and results.

    Raises:
      ValueError: When called, if a pattern covers no variable.

    Example:
      >>> import jax
      >>> from jaxcnn.models import create_model
      >>> model, x = create_model("resnet20", blocks=1), jnp.ones((2, 8, 8, 3))
      >>> variables = jax.jit(model.init)(jax.random.key(0), x)
      >>> apply = frozen_norms(model.apply, "stem")
      >>> _, new = apply(variables, x, train=True, mutable=["batch_stats"])
      >>> old, new = variables["batch_stats"], new["batch_stats"]
      >>> bool((old["stem"]["norm"]["mean"] == new["stem"]["norm"]["mean"]).all())
      True
    """

    @functools.wraps(apply)
    def frozen_apply(variables: Any, *args: Any, **kwargs: Any) -> Any:
        covered = chosen("frozen_norms", patterns, paths_of_variables(variables))
        statistics = covered & set(paths_of(variables.get(COLLECTION, {})))
        paths = {path.rpartition("/")[0] for path in statistics}
        with nn.intercept_methods(functools.partial(_intercept, paths, when)):
            return apply(variables, *args, **kwargs)

    return frozen_apply


def _intercept(
    paths: set[str],
    when: Array | bool,
    next_fun: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    context: nn.module.InterceptorContext,
) -> Any:
    """Let a frozen norm be computed by a copy of itself that uses the stored statistics."""
    norm: Any = context.module
    trains = getattr(norm, "use_running_average", True) is not True  # else: none, or that copy
    if context.method_name != "__call__" or not trains or "/".join(norm.path) not in paths:
        return next_fun(*args, **kwargs)
    before = dict(norm.variables.get(COLLECTION, {}))
    options = {name: value for name, value in kwargs.items() if name != "use_running_average"}
    copy = norm.clone(parent=None, use_running_average=True)
    y = copy.apply(norm.variables, args[0], **options)  # a second argument is use_running_average
    if isinstance(when, bool) and when:
        return y
    trained = next_fun(*args, **kwargs)
    if norm.is_mutable_collection(COLLECTION):
        for name, old in before.items():
            new = norm.get_variable(COLLECTION, name)
            norm.put_variable(COLLECTION, name, jnp.where(when, old, new))
    return jnp.where(when, y, trained)
