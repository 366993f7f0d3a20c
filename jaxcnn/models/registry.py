"""All models by name: one explicit mapping."""

import dataclasses
import difflib
import fnmatch
import typing
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report
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
from jaxcnn.models.fields import check_field
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
      **fields: Further fields of the model's class; lists and NumPy arrays become tuples, and
        the name of a model stands for it in `backbone`.

    Returns:
      A module; two equal calls give equal modules with equal hashes. It pickles only if its
      nonlinearity does: JAX's own (`flax.linen.relu`, `silu`, ...) are objects that neither
      pickle nor equal their copies. So another process gets name and fields rather than the
      module, and `copy.deepcopy(model)` compiles anew; `model.clone()` does not.

    Raises:
      ValueError: If the name or a field is unknown, a count too small or a table of the wrong
        length or empty.
      TypeError: If a value is of another kind than its field, dtype no type of real numbers, or
        a value not hashable.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> model = create_model("lenet5", num_classes=7)
      >>> variables = model.init(jax.random.key(0), jnp.zeros((1, 32, 32, 1)))
      >>> model.apply(variables, jnp.zeros((2, 32, 32, 1))).shape
      (2, 7)
    """
    variant = _variant(name, "create_model")
    fields |= {} if num_classes is None else {"num_classes": num_classes}
    hints = {
        field: typing.get_type_hints(variant.family)[field] for field in _fields(variant.family)
    }
    fields = {field: _meant(value, hints.get(field)) for field, value in fields.items()}
    report = Report("create_model")
    _check_fields(report, name, fields, hints)
    rule, fix = "must be a type of real numbers", "use jnp.bfloat16, or None for that of the input"
    report.expect(dtype is None or _is_real(dtype), "dtype", dtype, rule, fix, kind=True)
    report.done()
    return variant.family(**{**variant.fields, "dtype": dtype, **fields})


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
    report, fix = Report(function), f"jaxcnn.list_models() gives all {len(MODELS)} names"
    if report.expect(isinstance(name, str), "name", name, "must be a string", fix, kind=True):
        rule = f"is no model{_nearest(name, list(MODELS))}"
        report.expect(name in MODELS, "name", name, rule, fix)
    report.done()
    return MODELS[name]


def _check_fields(report: Report, name: str, fields: dict[str, Any], hints: dict[str, Any]) -> None:
    known = sorted(hints)
    for field, value in fields.items():
        rule, fix = f"is no field of {name}{_nearest(field, known)}", f"it has {', '.join(known)}"
        if not report.expect(field in known, field, value, rule, fix):
            continue
        rule, fix = "must be hashable, as all fields are", "use numbers, tuples and functions"
        if report.expect(_is_hashable(value), field, value, rule, fix, kind=True):
            check_field(report, field, value, hints[field])


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _is_real(dtype: Any) -> bool:
    try:
        return jnp.issubdtype(jnp.dtype(dtype), jnp.floating)
    except TypeError:
        return False


def _meant(value: Any, hint: Any) -> Any:
    """Return what a value stands for: tuples, plain numbers, a model that is given by name."""
    if hint is nn.Module and isinstance(value, str):
        return create_model(value)
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return tuple(_meant(v, None) for v in value) if isinstance(value, list | tuple) else value


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    return f"; did you mean {' or '.join(map(repr, near))}" if near else ""
