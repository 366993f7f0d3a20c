"""All models by name: one explicit mapping."""

import dataclasses
import difflib
import fnmatch
from typing import Any

from flax import linen as nn

from jaxcnn.models.convnet import ConvNet
from jaxcnn.models.lenet import LeNet5
from jaxcnn.models.resnet import CifarResNet
from jaxcnn.typing import Dtype

MODELS: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "lenet5": (LeNet5, {}),
    "convnet": (ConvNet, {}),
    "resnet20": (CifarResNet, {"blocks": 3}),
    "resnet32": (CifarResNet, {"blocks": 5}),
    "resnet44": (CifarResNet, {"blocks": 7}),
    "resnet56": (CifarResNet, {"blocks": 9}),
    "resnet110": (CifarResNet, {"blocks": 18}),
}


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the models that match a shell pattern, sorted.

    Args:
      pattern: A pattern with `*`, `?` and `[...]`.

    Returns:
      The names, as `create_model` takes them.

    Example:
      >>> list_models("resnet?0")
      ['resnet20']
    """
    return sorted(fnmatch.filter(MODELS, pattern))


def create_model(
    name: str, *, num_classes: int | None = None, dtype: Dtype = None, **fields: Any
) -> nn.Module:
    """Return the named model, a Flax Linen module `model.apply(variables, x, train=False)`.

    Args:
      name: A name from `list_models()`.
      num_classes: Number of classes, >= 0; 0 gives the input of the last linear layer, None the
        model's own default.
      dtype: Type of the computation; parameters are float32 and so are logits.
      **fields: Further fields of the model's class; lists become tuples.

    Returns:
      A module; two equal calls give equal modules with equal hashes.

    Raises:
      ValueError: If the name or a field is unknown, or num_classes is negative.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> model = create_model("lenet5", num_classes=7)
      >>> variables = model.init(jax.random.key(0), jnp.zeros((1, 32, 32, 1)))
      >>> model.apply(variables, jnp.zeros((2, 32, 32, 1))).shape
      (2, 7)
    """
    if name not in MODELS:
        raise ValueError(_unknown("model", name, list(MODELS)))
    family, defaults = MODELS[name]
    known = {f.name for f in dataclasses.fields(family)} - {"parent", "name"}
    unknown = [_unknown(f"field of {name}", f, sorted(known)) for f in fields if f not in known]
    if unknown:
        raise ValueError("\n".join(unknown))
    if num_classes is not None and num_classes < 0:
        raise ValueError(
            f"create_model: num_classes={num_classes}: must be >= 0. "
            "Fix: give the number of classes, or 0 for the features"
        )
    given = {} if num_classes is None else {"num_classes": num_classes}
    return family(**{**defaults, **given, "dtype": dtype, **_tuples(fields)})


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def _unknown(kind: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"create_model: unknown {kind} {name!r}{hint} Known: {', '.join(known)}"
