"""A run that is over, opened again: its config, data, network and final variables."""

import dataclasses
import json
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from train import parallel
from train.config import Config
from train.errors import UserError
from train.network import input_shape
from train.setup import Setup, prepare


@dataclass(frozen=True)
class Finished:
    """What a finished run left."""

    directory: Path
    setup: Setup
    variables: dict[str, Any]
    """Final parameters and statistics, as they were stored, on every device."""
    summary: dict[str, Any]


def open_finished(directory: Path, **data: Any) -> Finished:
    """Open the folder of a finished run.

    Args:
        directory: The folder.
        data: Fields of the config's `data` that are to be others, such as its `source`.
    """
    config = read_config(directory)
    summary = read_json(directory, "summary.json", "the run is not finished; run it to its end")
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, **data))
    setup = prepare(dataclasses.replace(config, model=_untrained(config.model)))
    variables = parallel.replicate(read_variables(directory, setup), setup.mesh)
    return Finished(directory, setup, variables, summary)


def read_config(directory: Path) -> Config:
    """Return the config in the folder of a run."""
    return from_json(read_json(directory, "config.json", "give the folder of a run: runs/NAME"))


def read_json(directory: Path, name: str, advice: str) -> dict[str, Any]:
    """Return a JSON file of a run, or say what is wrong with the folder."""
    try:
        return json.loads((directory / name).read_text("utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{directory / name} does not exist; {advice}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{directory / name} cannot be read: {error}") from error


def from_json(values: dict[str, Any]) -> Config:
    """Return the config that `to_json` wrote; what it lacks has its default.

    >>> import json
    >>> from train.config import to_json
    >>> config = Config(seed=3)
    >>> from_json(json.loads(to_json(config))) == config
    True
    """
    return _build(Config, values, "config")


def read_variables(directory: Path, setup: Setup) -> dict[str, Any]:
    """Return the variables in `final.npz`, which must be those of this network."""
    path = directory / "final.npz"
    try:
        with np.load(path) as file:
            flat = {tuple(name.split("/")): file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    shape = input_shape(setup.task.model, setup.splits)
    images = jax.ShapeDtypeStruct((1, *shape), np.float32)
    expected: Any = jax.eval_shape(setup.task.model.init, jax.random.key(0), images)
    leaves: Any = flatten_dict(dict(expected))
    shapes = {name: leaf.shape for name, leaf in leaves.items()}
    if shapes != {name: array.shape for name, array in flat.items()}:
        raise UserError(f"{path} is of another network than {directory / 'config.json'} tells")
    return unflatten_dict(flat)


def _untrained(model: Any) -> Any:
    """Return the network's config without the weights with which it once began."""
    return dataclasses.replace(model, pretrained="")


def _build(kind: Any, values: dict[str, Any], where: str) -> Any:
    """Return a dataclass from JSON's values, which knows no tuples."""
    types = typing.get_type_hints(kind)
    strange = sorted(values.keys() - types.keys())
    if strange:
        raise UserError(f"{where} has unknown fields {', '.join(strange)}: is it a newer run's?")
    given = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(types[name]):
            value = _build(types[name], value, f"{where}.{name}")
        elif isinstance(value, list):
            value = tuple(value)
        given[name] = value
    return kind(**given)
