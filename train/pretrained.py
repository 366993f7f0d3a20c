"""The variables with which a run starts: published weights, or those in a file."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxcnn import finetune, weights
from jaxcnn.typing import Key, Variables
from train.config import Config, Model
from train.errors import UserError
from train.log import say

OWN = ("params/", "batch_stats/")
"""How names of arrays in this lab's `final.npz` begin."""
SUFFIXES = (".npz", ".pth", ".pt", ".bin", ".safetensors")


def load(config: Config, model: nn.Module, shape: tuple[int, int, int], key: Key) -> Variables:
    """Return variables for this model: a head that does not fit its classes is new.

    Args:
        config: The run; `model.pretrained` is a tag, "true", or the path of a file.
        model: The network.
        shape: Height, width and channels of the images.
        key: Random key of a new head.
    """
    source = config.model.pretrained
    try:
        if Path(source).suffix in SUFFIXES:
            return fitted(read(config.model, source), model, shape, key)
        return published(config, model, shape[-1], key)
    except (ValueError, TypeError, OSError) as error:
        raise UserError(f"--model.pretrained {source}: {error}") from error


def published(config: Config, model: Any, channels: int, key: Key) -> Variables:
    """Return the variables of a weight set, and say so where its normalisation is another."""
    name, tag = config.model.name, config.model.pretrained
    _, variables, meta = weights.load_pretrained(
        name,
        None if tag == "true" else tag,
        num_classes=model.num_classes,
        in_channels=channels,
        key=key,
        **config.model.fields,
    )
    for field in ("mean", "std"):
        ours, theirs = getattr(config.data, field), getattr(meta.transforms, field)
        pairs = zip(ours * (channels // len(ours)), theirs, strict=True)
        if not all(math.isclose(a, b, abs_tol=2e-3) for a, b in pairs):
            values = " ".join(f"{value:.3f}" for value in theirs)
            say(f"the weights {meta.id} were trained with --data.{field} {values}")
    return variables


def read(model: Model, path: str) -> Variables:
    """Return the variables in a file: under this lab's names, or under those of PyTorch people."""
    arrays = weights.read(Path(path))
    if all(name.startswith(OWN) for name in arrays):
        return unflatten_dict({tuple(name.split("/")): array for name, array in arrays.items()})
    return weights.load_torch(model.name, arrays, **model.fields)


def fitted(variables: Variables, model: nn.Module, shape: tuple[int, int, int], key: Key):
    """Return the variables with this model's head and for these channels; the rest must fit."""
    images = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    expected = _shapes(jax.eval_shape(model.init, key, images))
    given = _shapes(variables)
    head = finetune.head_paths(model, images)
    if any(given.get(path) != expected[path] for path in head):
        _, variables = finetune.new_head(model, variables, model.num_classes, key, images)  # type: ignore[attr-defined]
    stems = [p for p in expected if p in given and _other_channels(given[p], expected[p])]
    if len(stems) == 1:
        stem = "/".join(stems[0][1:])
        variables = finetune.adapt_channels(variables, expected[stems[0]][2], stem=stem)
    expect_fit(variables, model, shape)
    return variables


def expect_fit(variables: Variables, model: nn.Module, shape: tuple[int, int, int]) -> None:
    """Refuse variables of another network, naming what differs."""
    images = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    expected = _shapes(jax.eval_shape(model.init, jax.random.key(0), images))
    given = _shapes(variables)
    wrong = sorted(p for p in expected.keys() | given.keys() if expected.get(p) != given.get(p))
    if wrong:
        lines = [
            f"  {'/'.join(path)}: the model has {expected.get(path, 'nothing')}, "
            f"the file {given.get(path, 'nothing')}"
            for path in wrong[:10]
        ]
        more = f"\n  and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise ValueError("the file holds another network:\n" + "\n".join(lines) + more)


def _shapes(variables: Any) -> dict[tuple[str, ...], tuple[int, ...]]:
    flat: Any = flatten_dict(dict(variables))
    return {path: tuple(leaf.shape) for path, leaf in flat.items()}


def _other_channels(given: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Whether two kernels differ in their input channels alone."""
    return (
        len(given) == len(expected) == 4
        and given[2] != expected[2]
        and given[:2] + given[3:] == expected[:2] + expected[3:]
    )
