"""All models by name: one explicit mapping."""

import dataclasses
import difflib
import fnmatch
from typing import Any

from flax import linen as nn

from jaxcnn.models import (
    alexnet,
    allcnn,
    backbone_unet,
    bn_inception,
    cifar_resnet,
    convnet,
    convnext,
    densenet,
    efficientnet,
    googlenet,
    inception_v3,
    lenet,
    lenet_paper,
    mlp,
    mnasnet,
    mobilenet_v2,
    mobilenet_v3,
    preact_resnet,
    regnet,
    resnet,
    shufflenet,
    squeezenet,
    unet,
    vgg,
    zfnet,
)
from jaxcnn.models.macs import MACS
from jaxcnn.models.variant import ModelInfo, Variant
from jaxcnn.typing import Dtype

MODELS: dict[str, Variant] = {
    **mlp.VARIANTS,
    **lenet.VARIANTS,
    **lenet_paper.VARIANTS,
    **convnet.VARIANTS,
    **allcnn.VARIANTS,
    **alexnet.VARIANTS,
    **zfnet.VARIANTS,
    **vgg.VARIANTS,
    **googlenet.VARIANTS,
    **bn_inception.VARIANTS,
    **inception_v3.VARIANTS,
    **squeezenet.VARIANTS,
    **resnet.VARIANTS,
    **cifar_resnet.VARIANTS,
    **preact_resnet.VARIANTS,
    **densenet.VARIANTS,
    **unet.VARIANTS,
    **backbone_unet.VARIANTS,
    **regnet.VARIANTS,
    **shufflenet.VARIANTS,
    **mobilenet_v2.VARIANTS,
    **mobilenet_v3.VARIANTS,
    **mnasnet.VARIANTS,
    **efficientnet.VARIANTS,
    **convnext.VARIANTS,
}


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the models that match a shell pattern, sorted.

    Args:
      pattern: A pattern with `*`, `?` and `[...]`.

    Returns:
      The names, as `create_model` takes them.

    Example:
      >>> list_models("resnet2*")
      ['resnet20', 'resnet200']
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
    variant = _variant(name, "create_model")
    known = _fields(variant.family)
    problems = [
        _unknown(f"field of {name}", field, sorted(known), "create_model")
        for field in fields
        if field not in known
    ]
    if num_classes is not None and num_classes < 0:
        problems.append(
            f"create_model: num_classes={num_classes}: must be >= 0. "
            "Fix: give the number of classes, or 0 for the features"
        )
    if problems:
        raise ValueError("\n".join(problems))
    given = {} if num_classes is None else {"num_classes": num_classes}
    return variant.family(**{**variant.fields, **given, "dtype": dtype, **_tuples(fields)})


def model_info(name: str) -> ModelInfo:
    """Return what is known of a model without building its parameters.

    Args:
      name: A name from `list_models()`.

    Returns:
      Its figures, its source and the values of all its fields.

    Raises:
      ValueError: If the name is unknown.

    Example:
      >>> info = model_info("lenet5")
      >>> info.params, info.input_size, info.source
      (61706, 32, 'LeCun et al. 1998, section II.B')
    """
    variant = _variant(name, "model_info")
    model: Any = create_model(name)
    return ModelInfo(
        name=name,
        family=variant.family.__name__,
        params=variant.params,
        macs=MACS[name],
        input_size=variant.input_size,
        min_size=model.min_size,
        channels=variant.channels,
        num_classes=model.num_classes,
        source=variant.source,
        fields={field: getattr(model, field) for field in _fields(variant.family)},
    )


def _fields(family: type[nn.Module]) -> list[str]:
    return [f.name for f in dataclasses.fields(family) if f.name not in ("parent", "name")]


def _variant(name: str, function: str) -> Variant:
    if name not in MODELS:
        raise ValueError(_unknown("model", name, list(MODELS), function))
    return MODELS[name]


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def _unknown(kind: str, name: str, known: list[str], function: str) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"{function}: unknown {kind} {name!r}{hint} Known: {', '.join(known)}"
