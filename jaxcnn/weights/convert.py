"""Foreign weights become our variables, and back: nothing is lost, nothing is silently accepted."""

import difflib
import functools
import types
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxcnn.models.registry import MODELS, create_model
from jaxcnn.typing import Variables
from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.names import Table, foreign_leaf, foreign_names, to_foreign, to_ours
from jaxcnn.weights.tables import table_of

Arrays = Mapping[str, Any]


def from_arrays(
    name: str, arrays: Arrays, *, layout: str = "torchvision", **fields: Any
) -> Variables:
    """Return the variables of a model from a state dict of arrays.

    Args:
      name: Name of the model.
      arrays: Foreign names and arrays; `num_batches_tracked` is dropped.
      layout: Whose names these are: "torchvision", "timm" or what else has a table.
      **fields: Fields of `create_model`, such as `num_classes`.

    Returns:
      `{"params": ..., "batch_stats": ...}`, of NumPy arrays in the types that were given.

    Raises:
      WeightsError: If names are missing or unexpected or shapes differ: all of them at once.
    """
    model = create_model(name, **fields)
    expected = abstract_variables(name, model)
    table = table_of(name, model, layout)
    given = {table.current(key): key for key in arrays}  # an array is read when it is placed
    names = foreign_names(table, expected)
    problems = _mismatches(names, expected, given, table)
    found: dict[tuple[str, ...], np.ndarray] = {}
    for key, path in names.items():
        if key in given:
            rule, _ = foreign_leaf(table, path)
            array, want = np.asarray(arrays[given[key]]), expected[path].shape
            if array.shape == _foreign_shape(rule, path, want):
                found[path] = to_ours(rule, path[-1], array, want)
            else:
                problems.append(
                    f"{key}: has shape {array.shape}, {'/'.join(path)} needs "
                    f"{_foreign_shape(rule, path, want)}"
                )
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise WeightsError(f"{name}: {len(problems)} mismatches with {layout} names{lines}")
    return unflatten_dict(found)


def to_arrays(
    name: str, variables: Variables, *, layout: str = "torchvision", **fields: Any
) -> dict[str, np.ndarray]:
    """Return a model's variables under foreign names and in their layout.

    Args:
      name: Name of the model.
      variables: What `model.init` returns.
      layout: Whose names to give.
      **fields: Fields of `create_model` with which the model was made.

    Returns:
      A state dict of arrays.

    Raises:
      WeightsError: If the variables are not those of the model.
    """
    model = create_model(name, **fields)
    expected = abstract_variables(name, model)
    table = table_of(name, model, layout)
    flat: dict[Any, Any] = flatten_dict(
        {k: variables[k] for k in ("params", "batch_stats") if k in variables}
    )
    problems = [f"missing: {'/'.join(path)}" for path in expected.keys() - flat.keys()]
    problems += [f"unexpected: {'/'.join(path)}" for path in flat.keys() - expected.keys()]
    if problems:
        lines = "".join(f"\n  {problem}" for problem in sorted(problems))
        raise WeightsError(f"{name}: {len(problems)} mismatches with the model{lines}")
    arrays = {}
    for path, array in flat.items():
        rule, key = foreign_leaf(table, path)
        arrays[key] = np.ascontiguousarray(to_foreign(rule, path[-1], np.asarray(array)))
    return arrays


@functools.lru_cache(maxsize=4)
def abstract_variables(name: str, model: Any) -> Mapping[tuple[str, ...], jax.ShapeDtypeStruct]:
    """Return path -> shape of all variables, without computing them.

    To trace a large model takes a second, and equal models are asked for several times in a row.
    """
    variant = MODELS[name]
    images = jax.ShapeDtypeStruct(
        (1, variant.input_size, variant.input_size, variant.channels), jnp.float32
    )
    flat: Any = flatten_dict(jax.eval_shape(model.init, jax.random.key(0), images))
    return types.MappingProxyType(flat)


def _foreign_shape(rule: Any, path: tuple[str, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    return np.shape(to_foreign(rule, path[-1], np.broadcast_to(np.float32(0), shape)))


def _mismatches(names: Mapping, expected: Mapping, given: Mapping, table: Table) -> list[str]:
    """Describe what only one side has, with the nearest name of the other."""
    unexpected = [k for k in given if k not in names and not table.ignores(k)]
    problems = []
    for key in names.keys() - given.keys():
        near = difflib.get_close_matches(key, unexpected, n=1)
        hint = f" (there is an unexpected {near[0]!r})" if near else ""
        problems.append(f"missing: {key}, for {'/'.join(names[key])}{hint}")
    return sorted(problems) + [f"unexpected: {key}" for key in unexpected]
