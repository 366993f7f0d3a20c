"""Vectors for images: a layer of any network, pooled, at one or several scales."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report, is_number
from jaxcnn.retrieval.normalize import l2_normalize
from jaxcnn.retrieval.pooling import crow, gem, mac, neural_code, spoc
from jaxcnn.retrieval.projection import Projection, compact
from jaxcnn.retrieval.regions import rmac
from jaxcnn.taps import features
from jaxcnn.taps.maps import map_layer
from jaxcnn.taps.static import Static
from jaxcnn.taps.stream import padded
from jaxcnn.typing import Array, Variables

Pooling = Callable[[Array], Array]

POOLINGS: dict[str, Pooling] = {
    "code": neural_code,
    "spoc": spoc,
    "mac": mac,
    "rmac": rmac,
    "gem": gem,
    "crow": crow,
}

SCALES = (1.0, 2**-0.5, 0.5)
"""Of Radenović et al. 2018, section 5.2."""


def describe(
    model: nn.Module,
    variables: Variables,
    batches: Iterable[Any],
    *,
    at: str | None = None,
    pool: str | Pooling = "gem",
    scales: tuple[float, ...] = (1.0,),
    projection: Projection | None = None,
    regions: bool = False,
) -> np.ndarray:
    r"""Return a vector of length 1 for each image.

    The maps of a layer are pooled and normalised; with several scales the image is resized
    (bilinear, antialiased) and the vectors are averaged and normalised, or, of regions, taken
    together. Then they go through `compact`: in the first pass without a projection, which
    `fit_projection` makes of them, in the second with it.

    Args:
      model: Any Linen module.
      variables: Its variables.
      batches: Batches of images (N, H, W, C) as the network takes them, all of one size but the
        last, which may be smaller. Wrap the iterable to show progress.
      at: The layer, e.g. `stage4`; None for the last with maps. Neural codes are of any layer,
        such as `fc6`; the other poolings want maps, best behind a nonlinearity.
      pool: `code`, `spoc`, `mac`, `rmac`, `gem` or `crow`, or a function of maps (N, H, W, C)
        that returns (N, D), or (N, R, D) of regions.
      scales: Sizes of the image relative to what is given, > 0, such as `SCALES`.
      projection: What `fit_projection` made of vectors of the same kind.
      regions: Whether vectors of regions are returned one by one, to fit a projection on them.

    Returns:
      float32 (N, D), or (N, R, D) if `regions` of such a pooling are asked for.

    Raises:
      ValueError: If the layer, pooling or a scale cannot be meant, there is no image, or an
        activation is not finite.
      TypeError: If a batch is not floating-point.

    Source: that of each pooling; several scales: Radenović et al. 2018, section 5.2.

    Example:
      >>> model, x = nn.Conv(2, (1, 1), use_bias=False), np.ones((3, 8, 8, 1), np.float32)
      >>> variables = {"params": {"kernel": np.array([3, 4], np.float32).reshape(1, 1, 1, 2)}}
      >>> describe(model, variables, [x[:2], x[2:]], at=":output", pool="mac").round(2).tolist()
      [[0.6..., 0.8...], [0.6..., 0.8...], [0.6..., 0.8...]]
    """
    kind, sizes = check("describe", pool, scales), tuple(float(s) for s in scales)
    found, place = [], at
    for x, real in padded("describe", batches):
        if place is None:
            place = map_layer("describe", model, variables, x, None)
        given = (Static(model), place, Static(kind), sizes, regions)
        found.append(np.asarray(_describe(*given, variables, projection, x))[:real])
        broken = int((~np.isfinite(found[-1])).any(-1).sum())
        report = Report("describe", x)
        rule, fix = f"{broken} vectors are not finite", "look at the images and the variables"
        report.expect(not broken, "batches", x, rule, fix)
        report.done()
    return np.concatenate(found)


def check(function: str, pool: str | Pooling, scales: tuple[float, ...]) -> Pooling:
    """Return the pooling, after arguments that mean nothing are told."""
    report = Report(function)
    if isinstance(pool, str):
        report.choice("pool", pool, list(POOLINGS))
    else:
        report.expect(callable(pool), "pool", pool, "must be a name or a function",
                      "use pool='gem'", kind=True)  # fmt: skip
    ok = isinstance(scales, tuple) and bool(scales) and all(is_number(s) and s > 0 for s in scales)
    report.expect(ok, "scales", scales, "must be a tuple of numbers > 0", "use scales=(1.0,)")
    report.done()
    return POOLINGS[pool] if isinstance(pool, str) else pool


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3, 4))
def _describe(
    model: Static,
    at: str,
    pool: Static,
    scales: tuple[float, ...],
    regions: bool,
    variables: Any,
    projection: Projection | None,
    x: Array,
) -> Array:
    parts = []
    for scale in scales:
        maps = features(model.value, variables, scaled(x, scale), at)[at]
        parts.append(l2_normalize(pool.value(maps.astype(jnp.float32))))
    if parts[0].ndim == 3:
        together = jnp.concatenate(parts, 1)
        return together if regions else compact(together, projection)
    return compact(sum(parts[1:], parts[0]), projection)


def scaled(x: Array, scale: float) -> Array:
    """Return images (N, H, W, C) at a relative size, at least one pixel."""
    if scale == 1:
        return x
    height, width = (max(1, round(size * scale)) for size in x.shape[1:3])
    return jax.image.resize(x, (len(x), height, width, x.shape[-1]), "linear")
