"""Which images of a set, and which places in them, excite a unit most."""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report, is_floating
from jaxcnn.taps import features
from jaxcnn.taps.static import Static
from jaxcnn.taps.stream import padded
from jaxcnn.typing import Array, Key, Variables


class TopActivations(NamedTuple):
    """For each of U units the K images that excite it most, the strongest first.

    Example:
      >>> found = TopActivations(np.ones((1, 1)), np.array([[7]]), np.array([[[2, 3]]]))
      >>> found.images[0].tolist(), found.positions[0, 0].tolist()
      ([7], [2, 3])
    """

    scores: np.ndarray
    """Largest value over the positions of each image, (U, K)."""
    images: np.ndarray
    """Which images, counted from the first batch on, int32 (U, K)."""
    positions: np.ndarray
    """Where in the maps, int32 (U, K, S): row and column; S = 0 for a layer without maps."""


class Best(NamedTuple):
    """The K best so far of each unit, all (U, K); `broken` counts values that are NaN."""

    scores: Array
    images: Array
    places: Array
    broken: Array


def top_activations(
    model: nn.Module,
    variables: Variables,
    batches: Iterable[Any],
    *,
    at: str,
    units: Any = None,
    k: int = 9,
) -> TopActivations:
    r"""Return the images that excite units most, and where in them.

    A unit is a channel, or a direction: a linear combination :math:`\sum_c v_c a_c` of the
    channels at a position. Each image counts once, with its best position. Only the k best are
    kept while the set streams by, so its size does not matter; of equal ones the first stay.

    Args:
      model: Any Linen module.
      variables: Its variables.
      batches: Batches of images (N, H, W, C) as the network takes them, all of one size but the
        last, which may be smaller. Wrap the iterable to show progress.
      at: The layer, e.g. `stage2` or `head:input`.
      units: Channels, ints (U,); or directions, floats (U, C), e.g. `random_directions`. None
        takes all channels.
      k: How many images for each unit; fewer where there are fewer.

    Returns:
      Scores (U, K), numbers of the images (U, K), positions in the maps (U, K, S).
      `receptive_boxes` says which pixels a position sees.

    Raises:
      ValueError: If the layer or a unit is not there, there is no image, or activations are NaN.
      TypeError: If a batch is not floating-point.

    Source: Zeiler & Fergus 2013, figure 2; Girshick et al. 2014, "Rich feature hierarchies",
    section 3.1; directions: Szegedy et al. 2013, "Intriguing properties of neural networks",
    section 3.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = model.init(jax.random.key(0), x)
      >>> found = top_activations(model, variables, [x], at="conv1", units=[0, 5], k=2)
      >>> found.images.tolist(), found.positions.shape
      ([[0, 1], [0, 1]], (2, 2, 2))
    """
    report = Report("top_activations")
    report.count("k", k)
    report.done()
    best, chosen, spatial, seen = None, jnp.zeros(0), (), 0
    for x, real in padded("top_activations", batches):
        if best is None:
            spec = jax.eval_shape(functools.partial(features, model, at=at), variables, x)[at]
            chosen, spatial = chosen_units(report, units, spec.shape), spec.shape[1:-1]
            best = nothing(len(chosen), k, spec.dtype)
        best = _keep(Static(model), at, variables, best, x, jnp.int32(seen), real, chosen)
        seen += real
    assert best is not None
    scores, images, places, broken = map(np.asarray, best)
    rule, fix = f"{int(broken)} activations are NaN", "look at the images and the variables"
    report.expect(not broken, "batches", batches, rule, fix)
    report.done()
    places = (
        np.stack(np.unravel_index(places, spatial), -1) if spatial else places[..., None][..., :0]
    )
    kept = slice(0, min(k, seen))
    return TopActivations(scores[:, kept], images[:, kept], places[:, kept].astype(np.int32))


def random_directions(key: Key, count: int, channels: int) -> Array:
    """Return directions in a layer's space of channels, of length 1 and evenly distributed.

    Args:
      key: Random key.
      count: How many, >= 1.
      channels: Channels of the layer, >= 1.

    Returns:
      float32 (count, channels), for `top_activations(units=...)`.

    Raises:
      ValueError: If a number is not positive.

    Source: Szegedy et al. 2013, "Intriguing properties of neural networks", section 3.

    Example:
      >>> found = random_directions(jax.random.key(0), 3, 16)
      >>> found.shape, bool(jnp.allclose(jnp.linalg.norm(found, axis=1), 1))
      ((3, 16), True)
    """
    report = Report("random_directions")
    report.count("count", count)
    report.count("channels", channels)
    report.done()
    found = jax.random.normal(key, (count, channels))
    return found / jnp.linalg.norm(found, axis=1, keepdims=True)


def chosen_units(report: Report, units: Any, shape: tuple[int, ...]) -> Array:
    """Return units as channels (U,) or directions (U, C) of a layer of this shape."""
    channels = shape[-1]
    found = jnp.arange(channels) if units is None else jnp.asarray(units)
    fix = f"give channels of the {channels}, ints (U,), or directions, floats (U, {channels})"
    if is_floating(found):
        ok = found.ndim == 2 and found.shape[1] == channels and len(found) > 0
        report.expect(ok, "units", found, "must be directions (U, C)", fix)
    else:
        ok = found.ndim == 1 and len(found) > 0 and jnp.issubdtype(found.dtype, jnp.integer)
        if report.expect(ok, "units", found, "must be channels (U,)", fix):
            ok = bool(((found >= 0) & (found < channels)).all())
            report.expect(ok, "units", units, f"must lie in 0 to {channels - 1}", fix)
    report.done()
    return found


def nothing(units: int, k: int, dtype: Any) -> Best:
    """Return the state before the first batch."""
    zeros = jnp.zeros((units, k), jnp.int32)
    return Best(jnp.full((units, k), -jnp.inf, dtype), zeros, zeros, jnp.int32(0))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _keep(
    model: Static, at: str, variables: Any, best: Best, x: Array, seen: Array, real: Array,
    units: Array,
) -> Best:  # fmt: skip
    """Return the best of those so far and of this batch."""
    maps = features(model.value, variables, x, at)[at]
    values = maps @ units.astype(maps.dtype).T if is_floating(units) else maps[..., units]
    values = values.reshape(len(x), -1, len(units))
    inside = (jnp.arange(len(x)) < real)[:, None]
    broken = best.broken + (jnp.isnan(values).any(1) & inside).sum(dtype=jnp.int32)
    scores = jnp.where(inside, values.max(1), -jnp.inf).T
    images = jnp.broadcast_to((seen + jnp.arange(len(x), dtype=jnp.int32))[None], scores.shape)
    places = values.argmax(1).astype(jnp.int32).T
    rows = [jnp.concatenate(pair, 1) for pair in zip(best, (scores, images, places), strict=False)]
    scores, order = jax.lax.top_k(rows[0], best.scores.shape[1])
    images, places = (jnp.take_along_axis(row, order, 1) for row in rows[1:])
    return Best(scores, images, places, broken)
