"""Images as points: what a layer makes of each, for maps of a whole set."""

import functools
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import traverse_util

from jaxcnn.checks import Report
from jaxcnn.taps import features
from jaxcnn.taps.arguments import inputs_of, split
from jaxcnn.taps.listing import list_places
from jaxcnn.taps.static import Static
from jaxcnn.taps.stream import padded
from jaxcnn.taps.target import pooled
from jaxcnn.typing import Array, Variables


def embed(
    model: nn.Module,
    variables: Variables,
    batches: Iterable[Any],
    *,
    at: str | None = None,
    pool: bool = True,
) -> np.ndarray:
    """Return a vector for each image: the features at a layer.

    `sklearn.decomposition.PCA(2)` or `sklearn.manifold.TSNE()` make points of a map of them, and
    `images.scatter` draws it.

    Args:
      model: Any Linen module.
      variables: Its variables.
      batches: Batches of images (N, H, W, C) as the network takes them, all of one size but the
        last, which may be smaller. Wrap the iterable to show progress.
      at: The layer; None for what the last layer with a kernel is given, the features on which
        a classifier decides.
      pool: Average maps over their positions, rather than take every position as a coordinate.

    Returns:
      float32 (N, D), in the order of the batches.

    Raises:
      ValueError: If the layer is not there, or there is no image.
      TypeError: If a batch is not floating-point.

    Source: Donahue et al. 2013, "DeCAF", section 4.1; van der Maaten & Hinton 2008, "Visualizing
    data using t-SNE".

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> embed(model, model.init(jax.random.key(0), x), [x, x[:1]]).shape
      (3, 84)
    """
    found = []
    for x, real in padded("embed", batches):
        at = last_input("embed", model, variables, x) if at is None else at
        found.append(np.asarray(_embed(Static(model), at, pool, variables, x))[:real])
    return np.concatenate(found)


def last_input(function: str, model: nn.Module, variables: Variables, x: Array) -> str:
    """Return the place of what the last layer with a kernel is given, such as `head:input`."""
    setting, _ = split(function, model, False, None, {})
    listing = list_places(setting, inputs_of(variables, x, None, {}))
    owners = {
        path[1:-1] for path in traverse_util.flatten_dict(dict(variables)) if path[-1] == "kernel"
    }
    inputs = [
        n for n, place in listing.places.items() if place.side == "input" and place.path in owners
    ]
    report = Report(function, x)
    rule, fix = "no layer of the network has a kernel", "name a place; see jaxcnn.taps.list_taps"
    report.expect(bool(inputs), "at", None, rule, fix)
    report.done()
    return inputs[-1]


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _embed(model: Static, at: str, pool: bool, variables: Any, x: Array) -> Array:
    found = features(model.value, variables, x, at)[at]
    found = pooled(found) if pool else found
    return found.reshape(len(x), -1).astype(jnp.float32)
