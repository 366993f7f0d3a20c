"""A network with weights of one's own: a file of PyTorch people, or what the lab leaves."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxcnn.images import Stretch
from jaxcnn.inference.batches import Transforms
from jaxcnn.models import create_model, model_info
from jaxcnn.typing import Variables
from jaxcnn.weights.catalogue import weight_set
from jaxcnn.weights.convert import abstract_variables
from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.files import read
from jaxcnn.weights.names import foreign_names
from jaxcnn.weights.tables import table_of
from jaxcnn.weights.torch_names import as_parameter, guess_layout, load_torch

OURS = ("params/", "batch_stats/")
"""How the names in the `final.npz` of a run begin."""

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Own:
    """What is known of weights of one's own.

    >>> from jaxcnn.images import ImageTransform
    >>> Own("resnet18", "mine.pth", ImageTransform(224, 256), ("cat", "dog")).top1 is None
    True
    """

    name: str
    tag: str
    transforms: Transforms
    categories: tuple[str, ...]
    top1: None = None
    top5: None = None


def load_own(
    name: str, path: Path, categories: tuple[str, ...] = ()
) -> tuple[nn.Module, Variables, Own]:
    """Return a model with the weights of a file, and how its images are prepared.

    As many classes as the file's last layer has. Weights under PyTorch's names take images as
    the published weights of the model do; those of a run of the lab as its `config.json`, beside
    the file, says.

    Args:
        name: Name of the model.
        path: A `.pth`, `.safetensors` or `.npz` file.
        categories: Names of the classes; none for ImageNet's if there are 1,000, else numbers.

    Raises:
        WeightsError: If the file cannot be read, or does not fit.
        ValueError: If there are other numbers of names and classes.
    """
    arrays = read(path)
    if all(key.startswith(OURS) for key in arrays):
        model, variables, transforms = of_run(name, path, arrays)
    else:
        model, variables, transforms = of_torch(name, arrays)
    classes: int = model.num_classes  # type: ignore[attr-defined]
    if not categories and classes == 1000:
        categories = weight_set("resnet50").categories
    if categories and len(categories) != classes:
        raise ValueError(f"{path}: has {classes} classes, but {len(categories)} names are given")
    categories = categories or tuple(map(str, range(classes)))
    return model, variables, Own(name, path.name, transforms, categories)


def of_torch(name: str, arrays: Arrays) -> tuple[nn.Module, Variables, Transforms]:
    """Return model, variables and transforms for weights under names of PyTorch people."""
    transforms = weight_set(name).transforms
    fields: Any = {"aux_heads": False} if "aux_heads" in model_info(name).fields else {}
    model, layout = create_model(name, **fields), guess_layout(name, arrays, **fields)
    table = table_of(name, model, layout)
    for key, path in foreign_names(table, abstract_variables(name, model)).items():
        if path[1:] == ("head", "kernel"):
            found = {table.current(own): array for own, array in arrays.items()}.get(key)
            fields |= {} if found is None else {"num_classes": len(found)}
    variables = load_torch(name, arrays, layout=layout, **fields)
    return create_model(name, **fields), variables, transforms


def of_run(name: str, path: Path, arrays: Arrays) -> tuple[nn.Module, Variables, Transforms]:
    """Return model, variables and transforms for the final variables of a run."""
    flat = {tuple(key.split("/")): as_parameter(array) for key, array in arrays.items()}
    heads = [array.shape[-1] for key, array in flat.items() if key[1:] == ("head", "kernel")]
    run = run_config(name, path.with_name("config.json"))
    fields = run["model"]["fields"] | ({"num_classes": heads[0]} if heads else {})
    model, transforms = create_model(name, **fields), run_transforms(path, run["data"], flat)
    shape = transforms.pixels(np.zeros((8, 8, 3), np.uint8)).shape
    spec = jax.ShapeDtypeStruct(shape, np.float32)
    expected: Any = flatten_dict(jax.eval_shape(model.init, jax.random.key(0), spec))
    wrong = [
        f"\n  {'/'.join(key)}: the model has {getattr(expected.get(key), 'shape', 'nothing')}, "
        f"the file {getattr(flat.get(key), 'shape', 'nothing')}"
        for key in sorted(expected.keys() | flat.keys())
        if getattr(expected.get(key), "shape", None) != getattr(flat.get(key), "shape", None)
    ]
    if wrong:
        raise WeightsError(f"{path}: is of another network than {name}{''.join(wrong[:20])}")
    return model, unflatten_dict(flat), transforms


def run_config(name: str, path: Path) -> dict[str, Any]:
    """Return the config of the run, which must be of this model."""
    try:
        config = json.loads(path.read_text("utf-8"))
        own = config["model"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        raise WeightsError(
            f"{path}: there is no config of a run, which would tell the fields of the model and "
            "how images are prepared. Fix: leave final.npz in the folder of its run"
        ) from None
    if own != name:
        raise WeightsError(f"{path}: the run trained {own!r}, not {name!r}. Fix: --model {own}")
    return config


def run_transforms(path: Path, data: dict[str, Any], flat: dict) -> Stretch:
    """Return how the run prepared its images."""
    if not data["image_size"]:
        raise WeightsError(
            f"{path}: the run took images in the size they had, so that it is not known here. "
            "Fix: train with --data.image_size"
        )
    stems = [leaf.shape[-2] for leaf in flat.values() if leaf.ndim == 4]
    channels = data["channels"] or (1 if stems and stems[0] == 1 else 3)
    mean, std = (tuple(data[key]) * (channels // len(data[key])) for key in ("mean", "std"))
    return Stretch(data["image_size"], mean, std)
