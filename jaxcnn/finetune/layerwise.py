"""Smaller steps for the layers that are nearer to the image."""

import re
from collections.abc import Sequence
from typing import Any

import jax
import optax
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.finetune.patterns import chosen, matches, path_of, paths_of
from jaxcnn.taps import list_taps
from jaxcnn.typing import Array, Shape

LAYER = re.compile(r"(?:encoder/)?(?:stage\d+/)?[^/]+")
"""A layer is a module of the model, or of one of its stages: `stem`, `stage1/block2`, `head`."""


def layer_order(model: nn.Module, x: Array | jax.ShapeDtypeStruct | Shape) -> tuple[str, ...]:
    """Return the layers of a network from the image to the head.

    A layer is a module directly within the model that has parameters; stages are split into
    their blocks. Nothing is computed.

    Args:
      model: Any Linen module.
      x: Its input (N, H, W, C), or the shape of one.

    Returns:
      Paths of the layers, which `layerwise_rates` takes.

    Raises:
      ValueError: If the model does not take such an input.

    Example:
      >>> from jaxcnn.models import create_model
      >>> layer_order(create_model("resnet20", blocks=1), (1, 32, 32, 3))
      ('stem', 'stage1/block1', 'stage2/block1', 'stage3/block1', 'head')
    """
    if isinstance(x, tuple):
        x = jax.ShapeDtypeStruct(x, "float32")
    shapes = jax.eval_shape(model.init, jax.random.key(0), x)
    owned = {LAYER.match(path)[0] for path in paths_of(shapes["params"])}  # pyright: ignore
    places = (re.split("[:#]", place)[0] for place in list_taps(model, x))
    return tuple(dict.fromkeys(place for place in places if place in owned))


def layerwise_rates(params: Any, order: Sequence[str], decay: float) -> Any:
    r"""Return the factor of each parameter's learning rate: less for what is nearer to the image.

    .. math:: \text{factor}_l = d^{L - l}, \qquad l = 1 \ldots L

    Args:
      params: The parameters.
      order: Patterns of the L layers from the image to the head; see `layer_order`. The first
        that covers a parameter decides; what none covers (auxiliary heads) gets 1.
      decay: d, in (0, 1].

    Returns:
      A tree of the shape of `params` with floats as leaves.

    Raises:
      ValueError: If the decay is out of range, or a pattern covers no parameter.

    Reference:
      Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018,
      section 3.1 (discriminative fine-tuning); Clark et al., "ELECTRA", 2020 (one factor).

    Example:
      >>> params = {"stem": 0, "stage1": 0, "head": 0}
      >>> layerwise_rates(params, ["stem", "stage1", "head"], 0.5)
      {'head': 1.0, 'stage1': 0.5, 'stem': 0.25}
    """
    report = Report("layerwise_rates")
    report.expect(0 < decay <= 1, "decay", decay, "must be in (0, 1]", "use e.g. 0.75")
    report.done()
    chosen("layerwise_rates", order, paths_of(params))
    return _rates(params, order, decay)


def scale_by_layer(order: Sequence[str], decay: float) -> optax.GradientTransformation:
    """Scale updates by `layerwise_rates`: the last part of a chain, after the optimizer.

    There the factor is that of the learning rate, for any optimizer, and decoupled weight decay
    shrinks along.

    Args:
      order: Patterns of the layers from the image to the head.
      decay: Factor from one layer to the one before it, in (0, 1].

    Returns:
      A transformation without state.

    Raises:
      ValueError: In `init`, as `layerwise_rates` does.

    Example:
      >>> import jax.numpy as jnp
      >>> params = {"stem": jnp.ones(1), "head": jnp.ones(1)}
      >>> optimizer = optax.chain(optax.sgd(0.1), scale_by_layer(["stem", "head"], 0.5))
      >>> updates, _ = optimizer.update(params, optimizer.init(params))
      >>> {name: float(u[0].round(3)) for name, u in updates.items()}
      {'head': -0.1..., 'stem': -0.05...}
    """

    def init(params: Any) -> optax.EmptyState:
        layerwise_rates(params, order, decay)
        return optax.EmptyState()

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        rates = _rates(updates, order, decay)
        return jax.tree.map(lambda u, rate: u * rate, updates, rates), state

    return optax.GradientTransformation(init, update)


def _rates(tree: Any, order: Sequence[str], decay: float) -> Any:
    def rate(keys: Any, _: Any) -> float:
        path = path_of(keys)
        found = [i for i, pattern in enumerate(order) if matches(pattern, path)]
        return decay ** (len(order) - 1 - found[0]) if found else 1.0

    return jax.tree_util.tree_map_with_path(rate, tree)
