"""Another last layer for other classes."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxcnn.checks import Report
from jaxcnn.typing import Array, Key, Shape, Variables


def new_head(
    model: nn.Module,
    variables: Variables,
    num_classes: int,
    key: Key,
    x: Array | jax.ShapeDtypeStruct | Shape | None = None,
) -> tuple[Any, Variables]:
    """Return a model for other classes, with a fresh head and everything else as it was.

    The head is what the model has with classes and has not with `num_classes=0`: the last layer,
    and auxiliary heads. It starts from the model's own initialiser.

    Args:
      model: A Linen module with a field `num_classes`, as `create_model` gives it.
      variables: Its parameters and statistics.
      num_classes: Number of classes, >= 0; 0 for the features alone.
      key: Random key of the fresh weights.
      x: An input or its shape (N, H, W, C), for models without `min_size`.

    Returns:
      The model and its variables.

    Raises:
      ValueError: If the model has no such field, or the number of classes is negative.

    Example:
      >>> from jaxcnn.models import create_model
      >>> model = create_model("lenet5")
      >>> variables = model.init(jax.random.key(0), jnp.zeros((1, 32, 32, 1)))
      >>> model, variables = new_head(model, variables, 3, jax.random.key(1))
      >>> model.num_classes, variables["params"]["head"]["kernel"].shape
      (3, (84, 3))
    """
    report = Report("new_head")
    rule, fix = "must have a field num_classes", "set the head of this model by hand"
    report.expect(hasattr(model, "num_classes"), "model", type(model).__name__, rule, fix)
    report.count("num_classes", num_classes, low=0)
    known = x is not None or hasattr(model, "min_size")
    report.expect(known, "x", x, "must be given for this model", "pass the shape of its input")
    report.done()
    new = model.clone(num_classes=num_classes)  # type: ignore[call-arg]
    fresh = head_paths(new, _spec(new, x))
    old = head_paths(model, _spec(model, x))
    kept = {path: leaf for path, leaf in _flat(variables).items() if path not in old | fresh}
    if not fresh:
        return new, unflatten_dict(kept)

    @jax.jit
    def init(key: Key) -> dict[tuple[str, ...], Array]:
        spec = _spec(new, x)
        flat = _flat(new.init(key, jnp.zeros(spec.shape, spec.dtype)))
        return {path: flat[path] for path in fresh}  # the rest is not even compiled

    return new, unflatten_dict({**kept, **init(key)})


def head_paths(model: Any, x: jax.ShapeDtypeStruct) -> set[tuple[str, ...]]:
    """Return the paths of the variables that a model has only because it has classes.

    Args:
      model: A Linen module with a field `num_classes`.
      x: Shape and type of its input.

    Returns:
      Paths with their collection, `("params", "head", "kernel")`.

    Example:
      >>> from jaxcnn.models import create_model
      >>> x = jax.ShapeDtypeStruct((1, 32, 32, 1), jnp.float32)
      >>> sorted(head_paths(create_model("lenet5"), x))
      [('params', 'head', 'bias'), ('params', 'head', 'kernel')]
    """
    shapes = [
        _flat(jax.eval_shape(m.init, jax.random.key(0), x)).keys()
        for m in (model, model.clone(num_classes=0))
    ]
    return set(shapes[0] - shapes[1])


def _flat(variables: Any) -> dict[tuple[str, ...], Any]:
    return flatten_dict(dict(variables))


def _spec(model: Any, x: Any) -> jax.ShapeDtypeStruct:
    if x is None:
        x = (1, model.min_size, model.min_size, 3)
    return jax.ShapeDtypeStruct(x if isinstance(x, tuple) else x.shape, jnp.float32)
