"""Our networks with the seeded weights of `tests.golden.zoo`, compared with PyTorch's."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn import create_model, model_info
from jaxcnn.layers import BatchNormConfig
from jaxcnn.weights.convert import from_arrays, to_arrays
from tests.golden import zoo

RATES = ("dropout", "aux_dropout", "stochastic_depth")


def compare(name: str) -> dict[str, float]:
    """Return the relative differences of a model from the stored references.

    Keys are `logits`, in double precision; `grads` and `stats`, where they are stored; `single`,
    the logits in single precision, for one model a family.
    """
    with jax.enable_x64(True), np.load(zoo.FOLDER / f"{name}.npz") as golden:
        model, variables = build(name)
        x = zoo.images(name)[:2]
        found = {"logits": difference(logits(model, variables, x), golden["logits"])}
        if "grads" in golden:
            grads, stats = train(name, model, variables, x)
            found["grads"] = worst(digests(golden["grad_names"], grads), golden["grads"])
            if len(golden["stats"]):
                found["stats"] = worst(digests(golden["stat_names"], stats), golden["stats"])
        if name in zoo.SINGLE:
            low = jax.tree.map(lambda v: np.asarray(v, np.float32), variables)
            y = logits(model, low, x.astype(np.float32))
            found["single"] = difference(y, golden["logits"])
        return found


def build(name: str, layout: str = "torchvision") -> tuple[Any, Any]:
    """Return the model without dropout, and its seeded variables."""
    rates = {rate: 0.0 for rate in RATES if rate in model_info(name).fields}
    model = create_model(name, num_classes=zoo.CLASSES, **rates)
    variables = jax.device_put(seeded(name, layout))  # one copy: the largest takes 5 GB
    if isinstance(model.norm, BatchNormConfig):
        calibrating = dataclasses.replace(model.norm, momentum=0.0, unbiased=True)
        _, moved = step(model.clone(norm=calibrating), variables, zoo.images(name))
        variables = {**variables, "batch_stats": moved["batch_stats"]}
    return model, variables


def seeded(name: str, layout: str = "torchvision") -> Any:
    """Return variables whose values depend on their names in PyTorch only."""
    shape = (1, zoo.size(name), zoo.size(name), 3)
    model = create_model(name, num_classes=zoo.CLASSES)
    images = jax.ShapeDtypeStruct(shape, jnp.float64)
    empty = jax.tree.map(
        lambda v: np.broadcast_to(np.zeros((), np.float32), v.shape),
        jax.eval_shape(model.init, jax.random.key(0), images),
    )
    options: Any = {"layout": layout, "num_classes": zoo.CLASSES}
    shapes = {k: v.shape for k, v in to_arrays(name, empty, **options).items()}
    return from_arrays(name, Drawn(shapes), **options)


class Drawn(Mapping[str, np.ndarray]):
    """The seeded arrays, each drawn when it is read: together the largest network's take 5 GB."""

    def __init__(self, shapes: dict[str, tuple[int, ...]]):
        self.shapes = shapes

    def __getitem__(self, key: str) -> np.ndarray:
        return zoo.array(key, self.shapes[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


@functools.partial(jax.jit, static_argnums=0)
def logits(model, variables, x):
    """Return the logits in evaluation."""
    return model.apply(variables, x)


@functools.partial(jax.jit, static_argnums=0)
def step(model, variables, x):
    """Return all outputs in training, the auxiliary ones in order, and what moved."""
    y, moved = model.apply(variables, x, train=True, mutable=["batch_stats", "aux"])
    return [y, *jax.tree.leaves(moved.get("aux", {}))], moved


def train(name: str, model: Any, variables: Any, x: np.ndarray) -> tuple[dict, dict]:
    """Return gradients and statistics of one training step under PyTorch's names."""
    if isinstance(model.norm, BatchNormConfig):
        model = model.clone(norm=dataclasses.replace(model.norm, unbiased=True))

    @jax.jit
    def grad(params):
        def loss(params):
            outputs, moved = step(model, {**variables, "params": params}, x)
            terms = [jnp.sum(y * zoo.weights_of(i, y.shape)) for i, y in enumerate(outputs)]
            return sum(terms), moved.get("batch_stats", {})

        return jax.grad(loss, has_aux=True)(params)

    grads, stats = grad(variables["params"])
    found = {"params": grads, **({"batch_stats": stats} if stats else {})}
    arrays = to_arrays(name, found, num_classes=zoo.CLASSES)
    names = to_arrays(name, variables, num_classes=zoo.CLASSES)
    assert names.keys() == arrays.keys()
    return arrays, arrays


def digests(names: np.ndarray, arrays: dict) -> np.ndarray:
    """Return length and direction of the named arrays."""
    return np.array([zoo.digest(str(name), arrays[str(name)]) for name in names])


def worst(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference, relative to the length of its array and to 1e-6 of all."""
    scale = np.maximum(theirs[:, :1], 1e-6 * theirs[:, 0].max())
    return float(np.max(np.abs(ours - theirs) / scale))


def difference(ours: Any, theirs: np.ndarray) -> float:
    """Return the largest difference relative to that between the two images' logits."""
    return float(np.abs(np.asarray(ours) - theirs).max() / np.abs(theirs[0] - theirs[1]).max())


def shared() -> list[str]:
    """Return the models with a stored reference."""
    return sorted(path.stem for path in zoo.FOLDER.glob("*.npz"))
