"""Whether maps depend on what the network has learned: they must change with its weights."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.network import examine
from jaxcnn.taps.arguments import inputs_of, split
from jaxcnn.taps.listing import list_places
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Key, Variables


def model_randomization(
    method: Callable[..., Array],
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    key: Key | None = None,
    layers: Sequence[str] | None = None,
    **options: Any,
) -> dict[str, Array]:
    """Return how alike maps stay while the network forgets, layer by layer, from its end on.

    A layer forgets when the entries of each of its parameters are shuffled; the layers before
    it in the result have forgotten too. A method that shows what was learned falls to about 0.

    Args:
      method: A method of `jaxcnn.explain`, or a function that is called like one.
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point.
      target: What is explained; `"top1"` is the class of x in the network that has learned.
      key: Random key; None for always the same.
      layers: Names of modules, in the order in which they forget; None for all that lie directly
        in the model, from the last one to the first.
      **options: Further arguments of the method.

    Returns:
      The rank correlation of the magnitudes (N,) with the first maps, for each layer.

    Raises:
      ValueError: If x holds NaN, a number is out of range, or a layer has no parameters.
      TypeError: If x is not floating-point, or target is none.

    Source: Adebayo et al. 2018, "Sanity checks for saliency maps", section 3 (cascading).

    Example:
      >>> from jaxcnn.explain import saliency
      >>> model, x = nn.Sequential([nn.Dense(5), nn.relu, nn.Dense(2)]), jnp.ones((1, 4))
      >>> variables = model.init(jax.random.key(0), x)
      >>> list(model_randomization(saliency, model, variables, x[:, None, None], 0))
      ['layers_2', 'layers_0']
    """
    report = Report("model_randomization", x)
    network = examine(report, model, variables, x, target).settled(x)
    names = list(own_layers(model, variables, x))[::-1] if layers is None else layers
    key = jax.random.key(0) if key is None else key
    first = method(model, variables, x, network.target, **options)
    found = {}
    for i, name in enumerate(names):
        variables = shuffled(variables, name, jax.random.fold_in(key, i))
        maps = method(model, variables, x, network.target, **options)
        found[name] = rank_correlation(jnp.abs(first), jnp.abs(maps))
    return found


def data_randomization(
    method: Callable[..., Array],
    model: nn.Module,
    variables: Variables,
    others: Variables,
    x: Array,
    target: int | Array | str | Target,
    **options: Any,
) -> Array:
    """Return how alike maps are after training with true labels and with shuffled ones.

    Args:
      method: A method of `jaxcnn.explain`, or a function that is called like one.
      model: Any Linen module.
      variables: Its variables after training with the true labels.
      others: Its variables after training with labels that were shuffled among the examples.
      x: Images (N, H, W, C), floating-point.
      target: What is explained; `"top1"` is the class of x by the true labels.
      **options: Further arguments of the method.

    Returns:
      Rank correlations of the magnitudes (N,); about 0 if maps show what the labels taught.

    Raises:
      ValueError: If x holds NaN, or the target is out of range.
      TypeError: If x is not floating-point, or target is none.

    Source: Adebayo et al. 2018, "Sanity checks for saliency maps", section 4.

    Example:
      >>> from jaxcnn.explain import saliency
      >>> model, x = nn.Dense(2), jnp.ones((1, 1, 1, 4))
      >>> a, b = (model.init(jax.random.key(i), x) for i in range(2))
      >>> data_randomization(saliency, model, a, b, x, 0, signed=True).shape
      (1,)
    """
    report = Report("data_randomization", x)
    network = examine(report, model, variables, x, target).settled(x)
    both = [method(model, v, x, network.target, **options) for v in (variables, others)]
    return rank_correlation(*map(jnp.abs, both))


def rank_correlation(maps: Array, others: Array) -> Array:
    """Return Spearman's correlation of two maps of each image; ties are broken by position.

    Args:
      maps: Maps (N, ...).
      others: Maps of the same shape.

    Returns:
      Correlations (N,) in [-1, 1].

    Example:
      >>> rank_correlation(jnp.array([[1.0, 2.0, 3.0]]), jnp.array([[1.0, 4.0, 9.0]]))
      Array([1.], dtype=float32)
    """

    def ranks(maps: Array) -> Array:
        order = maps.reshape(len(maps), -1).argsort(1).argsort(1).astype(maps.dtype)
        return order - order.mean(1, keepdims=True)

    a, b = ranks(maps), ranks(others)
    return (a * b).sum(1) / jnp.sqrt((a**2).sum(1) * (b**2).sum(1))


def own_layers(model: nn.Module, variables: Variables, x: Array) -> dict[str, None]:
    """Return the modules with parameters that lie directly in a model, in its order."""
    setting, _ = split("model_randomization", model, False, None, {})
    places = list_places(setting, inputs_of(variables, x, None, {})).places.values()
    names = [place.path[0] for place in places if place.path]
    return dict.fromkeys(name for name in names if name in variables["params"])


def shuffled(variables: Variables, layer: str, key: Key) -> Variables:
    """Return variables in which the entries of each parameter of a layer changed their places."""

    def shuffle(path: tuple[Any, ...], value: Array) -> Array:
        names = "/".join(str(entry.key) for entry in path)
        if not f"{names}/".startswith(f"{layer}/"):
            return value
        touched.append(names)
        own = jax.random.fold_in(key, len(touched))
        return jax.random.permutation(own, value.ravel()).reshape(value.shape)

    touched: list[str] = []
    params = jax.tree_util.tree_map_with_path(shuffle, variables["params"])
    report = Report("model_randomization")
    rule, fix = "has no parameters", f"use a module, e.g. {next(iter(variables['params']))!r}"
    report.expect(bool(touched), "layers", layer, rule, fix)
    report.done()
    return {**variables, "params": params}
