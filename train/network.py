"""The network of a run: built, told where its norms agree, and tried on the images' shape."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.errors import ScopeParamShapeError

from jaxcnn import layers
from jaxcnn.models import create_model
from train.config import Model
from train.context import NONE, context_of
from train.data import Splits
from train.errors import UserError
from train.make_task import Task
from train.parallel import NormGroup


def build_model(config: Model, splits: Splits, group: NormGroup) -> nn.Module:
    """Return the network for these data; its norms agree over the group of devices."""
    if config.num_classes and config.num_classes < splits.num_classes:
        raise UserError(
            f"model.num_classes is {config.num_classes}, but the data have "
            f"{splits.num_classes} classes; leave it at 0 to take the data's"
        )
    classes = config.num_classes or splits.num_classes
    fields = {**config.fields, **({"remat": True} if config.remat == "block" else {})}
    try:
        model = create_model(
            config.name, num_classes=classes, dtype=jnp.dtype(config.dtype), **fields
        )
        model = synchronised(model, group)
        jax.eval_shape(model.init, jax.random.key(0), _image_spec(input_shape(model, splits)))
    except (ValueError, TypeError) as error:
        raise UserError(f"model {config.name!r} cannot be built: {error}") from error
    return model


def synchronised(model: nn.Module, group: NormGroup) -> nn.Module:
    """Return the model, and the models that it is made of, with batch statistics over the group."""
    changed = {}
    for field in dataclasses.fields(model):
        value = getattr(model, field.name)
        if field.name == "norm":
            changed["norm"] = _synchronised_norm(value, group)
        elif field.name != "parent" and isinstance(value, nn.Module):
            changed[field.name] = synchronised(value, group)
    return model.clone(**changed)


def _synchronised_norm(norm: Any, group: NormGroup) -> Any:
    if isinstance(norm, type):  # Flax's LayerNorm has an axis too, of features.
        batch = issubclass(norm, nn.BatchNorm | layers.BatchNorm)
        return functools.partial(norm, **group) if batch else norm
    if not dataclasses.is_dataclass(norm) or not hasattr(norm, "axis_name"):
        return norm
    return dataclasses.replace(norm, **group)  # type: ignore[type-var]


def check_images(task: Task, shape: tuple[int, int, int]) -> None:
    """Refuse a mean, a deviation, an augmentation or a size that does not fit the images."""

    def prepare(image: jax.Array) -> jax.Array:
        return task.prepare(task.randomize(jax.random.key(0)[None], image))

    try:
        image = jax.eval_shape(prepare, jax.ShapeDtypeStruct((1, *shape), jnp.uint8))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"--data.mean, --data.std or --augment does not fit images of {shape}: {error}"
        ) from error
    if not task.size:  # the network has been tried already
        return
    try:
        given = jax.eval_shape(task.prepare, jax.ShapeDtypeStruct((1, *shape), jnp.uint8))
        variables = jax.eval_shape(task.model.init, jax.random.key(0), given)
        jax.eval_shape(task.model.apply, variables, image)
    except (ValueError, TypeError, ScopeParamShapeError) as error:
        raise UserError(
            f"--augment.sizes: the network does not take images of {image.shape[1:3]} pixels, "
            f"or not after those of {shape[:2]}: {error}"
        ) from error


def input_shape(model: nn.Module, splits: Splits) -> tuple[int, int, int]:
    """Return height, width and channels of what the network is given for the data's images."""
    height, width, channels = splits.image_shape
    rows, columns = context_of(model, splits.image_shape) if splits.pixels else NONE
    return height + sum(rows), width + sum(columns), channels


def _image_spec(shape: tuple[int, int, int]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((1, *shape), jnp.result_type(float))
