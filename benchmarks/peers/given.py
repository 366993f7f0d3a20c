"""What every library is given: one set of weights, images and labels, as a file."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from jaxcnn import create_model, initialize, model_info
from jaxcnn.weights import to_torch

OFF = {"dropout": 0.0, "stochastic_depth": 0.0, "layer_dropout": 0.0, "aux_heads": False}
"""What is random, or only there in training: libraries would not agree."""


def write(file: Path, workload: dict[str, Any]) -> None:
    """Write the arrays of a workload."""
    info = model_info(workload["model"])
    fields = {**{k: v for k, v in OFF.items() if k in info.fields}, **workload["fields"]}
    model = create_model(workload["model"], **fields)
    shape = (workload["batch"], workload["size"], workload["size"], info.channels)
    variables = initialize(model, jax.random.key(0), (1, *shape[1:]))
    rng = np.random.default_rng(0)
    logits = jax.eval_shape(model.apply, variables, jax.ShapeDtypeStruct(shape, np.float32)).shape
    spec = {**workload, "fields": fields}
    flat: dict[Any, Any] = flatten_dict(jax.tree.map(np.asarray, variables))  # type: ignore
    foreign = for_torch(workload["model"], variables, fields)
    np.savez(
        file,
        spec=json.dumps(spec),
        images=rng.normal(size=shape).astype(np.float32),
        labels=rng.integers(0, logits[-1], logits[:-1]).astype(np.int32),
        **{"/".join(path): leaf for path, leaf in flat.items()},
        **{f"torch/{name}": array for name, array in foreign},
    )


def for_torch(name: str, variables: Any, fields: dict[str, Any]) -> Any:
    """Yield the arrays of PyTorch's network of this name."""
    try:
        given = {k: v for k, v in fields.items() if k != "dtype"}
        yield from to_torch(name, variables, **given).items()
    except ValueError:  # torchvision has no such network: the zoo's own paths
        leaves = {"kernel": "weight", "scale": "weight", "mean": "running_mean"}
        leaves |= {"var": "running_var", "bias": "bias"}
        flat: dict[Any, Any] = flatten_dict(jax.tree.map(np.asarray, variables))  # type: ignore
        for (_, *path, leaf), array in flat.items():
            if leaf == "kernel" and path[-1] == "up":  # Flax does not turn these filters round
                array = array[::-1, ::-1].transpose(2, 3, 0, 1)
            elif leaf == "kernel":
                array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
            yield ".".join([*path, leaves[leaf]]), array
