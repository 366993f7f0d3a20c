"""What the channels of a layer show of an image."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.taps import features
from jaxcnn.taps.maps import map_layer
from jaxcnn.typing import Array, Variables


class FeatureMaps(NamedTuple):
    """Maps of some channels, and which channels these are.

    Example:
      >>> FeatureMaps(jnp.zeros((1, 2, 8, 8)), jnp.array([[5, 3]])).channels.tolist()
      [[5, 3]]
    """

    maps: Array
    """(N, K, h, w)."""
    channels: Array
    """int32 (N, K)."""


def feature_maps(
    model: nn.Module,
    variables: Variables,
    x: Array,
    *,
    at: str | None = None,
    top: int | None = None,
) -> FeatureMaps:
    """Return the maps of a layer, all of them or those that answer most to each image.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C).
      at: The layer, e.g. `stage1`; None for the last with maps.
      top: How many channels, those of the largest mean first; None for all, in their order.

    Returns:
      Maps (N, K, h, w) and the numbers of their channels (N, K).

    Raises:
      ValueError: If the layer is not there or has no maps, or has fewer channels than `top`.

    Source: Zeiler & Fergus 2013, "Visualizing and understanding convolutional networks", figure 8.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> look = lambda v, x: feature_maps(model, v, x, at="conv1", top=4)
      >>> jax.eval_shape(look, variables, x).maps.shape
      (2, 4, 28, 28)
    """
    place = map_layer("feature_maps", model, variables, x, at)
    maps = features(model, variables, x, place)[place]
    report = Report("feature_maps", x)
    channels = maps.shape[-1]
    if top is not None:
        report.count("top", top)
        report.expect(top <= channels, "top", top, f"{place} has {channels} channels",
                      f"use top={channels}, or None")  # fmt: skip
    report.done()
    return _strongest(maps, top)


@functools.partial(jax.jit, static_argnames="top")
def _strongest(maps: Array, top: int | None) -> FeatureMaps:
    maps = jnp.moveaxis(maps, -1, 1)
    count, channels = maps.shape[:2]
    if top is None:
        return FeatureMaps(maps, jnp.broadcast_to(jnp.arange(channels)[None], (count, channels)))
    _, chosen = jax.lax.top_k(maps.mean((2, 3)), top)
    return FeatureMaps(jnp.take_along_axis(maps, chosen[..., None, None], 1), chosen)
