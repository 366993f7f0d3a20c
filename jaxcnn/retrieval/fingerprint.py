"""What made a vector, in a form that can be compared: model, weights, layer, pooling."""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from flax import traverse_util

from jaxcnn.checks import Report
from jaxcnn.retrieval.error import IndexFolderError
from jaxcnn.typing import Variables


def fingerprint(model: nn.Module, variables: Variables, **settings: Any) -> dict[str, Any]:
    """Return what tells vectors of one origin from those of another.

    Args:
      model: The network that describes images.
      variables: Its variables.
      **settings: What else decides on a vector, as JSON knows it: layer, pooling, scales,
        preparation of the images.

    Returns:
      The settings, and hashes of the network's fields and of its variables.

    Raises:
      TypeError: If `model` is no Linen module.

    Example:
      >>> found = fingerprint(nn.Dense(2), {"params": {"kernel": np.ones((3, 2))}}, pool="gem")
      >>> found["network"], len(found["variables"]), found["pool"]
      ('Dense', 64, 'gem')
    """
    report = Report("fingerprint")
    rule, fix = "must be a Linen module", "pass the module itself"
    report.expect(isinstance(model, nn.Module), "model", model, rule, fix, kind=True)
    report.done()
    fields = hashlib.sha256(written(model).encode()).hexdigest()
    return {
        "network": type(model).__name__,
        "fields": fields,
        "variables": hash_arrays(variables),
        **settings,
    }


def hash_arrays(tree: Any) -> str:
    """Return a hash of names, shapes, types and values.

    >>> hash_arrays({"a": np.zeros(2)}) == hash_arrays({"a": np.zeros(3)})
    False
    """
    digest = hashlib.sha256()
    flat = traverse_util.flatten_dict(dict(tree), sep="/")
    for name, leaf in sorted(flat.items()):
        array = np.asarray(jax.device_get(leaf))
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def written(value: Any) -> str:
    """Write a field so that it is the same in every process: functions by their names.

    >>> written({"act": nn.relu, "sizes": (1, 2)})
    '{act: jax...relu, sizes: (1, 2)}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(map(written, value)) + ")"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value) if f.name not in ("parent", "name")]
        parts = ", ".join(f"{name}={written(getattr(value, name, None))}" for name in names)
        return f"{type(value).__qualname__}({parts})"
    if isinstance(value, functools.partial):
        return f"partial({written(value.func)}, {written(value.args)}, {written(value.keywords)})"
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return what differs between two fingerprints, a line each.

    >>> differences({"pool": "gem"}, {"pool": "mac", "at": "top"})
    ["at: nothing here, there 'top'", "pool: 'gem' here, there 'mac'"]
    """

    def shown(side: Mapping[str, Any], key: str) -> str:
        return repr(side[key]) if key in side else "nothing"

    return [
        f"{key}: {shown(ours, key)} here, there {shown(theirs, key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]


def expect_same(folder: Path, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Raise unless vectors of ours may be compared with those of an index."""
    found = differences(ours, theirs)
    if found:
        lines = "".join(f"\n  {line}" for line in found)
        raise IndexFolderError(
            f"{folder}: its vectors were made otherwise than these and cannot be compared; "
            f"describe both alike, or build the index anew{lines}"
        )
