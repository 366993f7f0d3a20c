"""Whether a map foretells what a change of the image does to the score."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report, is_number
from jaxcnn.explain.chunks import Progress, mapped
from jaxcnn.explain.document import documented
from jaxcnn.explain.measures.heat import heat_of
from jaxcnn.explain.network import Network, baseline_of, examine
from jaxcnn.explain.perturb import change, draws_of
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Key, Variables


@documented("(2,)", "x")
def infidelity(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    maps: Array,
    *,
    key: Key | None = None,
    samples: int = 64,
    noise: float | Array = 0.2,
    scaled: bool = False,
    chunk: int = 8,
    progress: Progress = None,
) -> Array:
    r"""Return :math:`\mathrm{mean}_I (I \cdot a - (s(x) - s(x - I)))^2`, 0 for a perfect map a.

    Args:
      maps: The map a: what a method made of x for this target, (N, H, W, C), or (N, H, W) for
        all channels alike.
      samples: Number of random changes I, which are normal.
      noise: Their deviation, as a share of each image's range (max - min); or the changes
        themselves, (n, H, W, C) or (n, N, H, W, C).
      scaled: Multiply a by the number that fits best, so that only its shape counts.

    Returns:
      Squared errors (N,).

    Source: Yeh et al. 2019, "On the (in)fidelity and sensitivity of explanations", definition
    2.1; the scale: its section 2.4.
    """
    report = Report("infidelity", x)
    share, draws = draws_of(report, x, key, samples, noise)
    report.count("chunk", chunk)
    heat_of(report, x, maps)
    network = examine(report, model, variables, x, target, 4)
    said, done = _noisy(network, x, jnp.asarray(maps), share, draws, chunk, progress)
    square = (said**2).sum(0)
    best = (said * done).sum(0) / jnp.where(square > 0, square, 1)
    factor = best[None] if scaled else 1
    return ((factor * said - done) ** 2).mean(0)


@documented("(2,)", "x[..., 0]")
def sensitivity_n(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    maps: Array,
    *,
    key: Key | None = None,
    samples: int = 64,
    share: float = 0.2,
    masks: Array | None = None,
    baseline: float | Array = 0.0,
    chunk: int = 8,
    progress: Progress = None,
) -> Array:
    r"""Return how the sums of a map over random sets of n pixels follow the falls of the score.

    The correlation of :math:`\sum_{i \in S} a_i` and :math:`s(x) - s(x_{\setminus S})`; it is 1
    for every n for the shares of a linear network.

    Args:
      samples: Number of sets S.
      share: Size n of the sets, as a share of the pixels.
      masks: The sets themselves, (k, H, W), rather than random ones.

    Returns:
      Pearson correlations (N,).

    Source: Ancona et al. 2018, "Towards better understanding of gradient-based attribution
    methods", section 4.
    """
    report = Report("sensitivity_n", x)
    count = report.count("samples", samples)
    report.count("chunk", chunk)
    ok = not is_number(share) or 0 < share < 1
    report.expect(ok, "share", share, "must lie within 0 and 1", "use e.g. 0.2")
    heat = heat_of(report, x, maps)
    ok = masks is None or (jnp.ndim(masks) == 3 and jnp.shape(masks)[1:] == heat.shape[1:])
    rule, fix = f"must have shape (k, {heat.shape[1:]})", "give masks of the size of the images"
    report.expect(ok, "masks", masks, rule, fix)
    cover = baseline_of(report, x, baseline)
    network = examine(report, model, variables, x, target, 4)
    if masks is None:
        keys = jax.random.split(jax.random.key(0) if key is None else key, count)
        masks = jax.vmap(lambda key: _set(key, heat.shape[1:], share))(keys)
    said, done = _covered(network, x, heat, cover, jnp.asarray(masks, bool), chunk, progress)
    said, done = said - said.mean(0, keepdims=True), done - done.mean(0, keepdims=True)
    below = jnp.sqrt((said**2).sum(0) * (done**2).sum(0))
    return (said * done).sum(0) / jnp.where(below > 0, below, 1)


def _set(key: Key, size: tuple[int, ...], share: Array | float) -> Array:
    order = jax.random.permutation(key, size[0] * size[1]).reshape(size)
    return order < jnp.maximum(jnp.round(share * size[0] * size[1]), 1)


@functools.partial(jax.jit, static_argnames=("chunk", "progress"))
def _noisy(
    network: Network,
    x: Array,
    maps: Array,
    share: Array | None,
    draws: Array,
    chunk: int,
    progress: Progress,
) -> tuple[Array, Array]:
    """Return what the map says and what the network does for each change, both (n, N)."""
    network = network.settled(x)
    maps = maps[..., None] if maps.ndim == 3 else maps
    whole = network.scores(x)

    def both(draw: Array) -> tuple[Array, Array]:
        moved = change(x, share, draw)
        return (moved * maps).sum((1, 2, 3)), whole - network.scores(x - moved)

    return mapped(both, draws, chunk, progress)


@functools.partial(jax.jit, static_argnames=("chunk", "progress"))
def _covered(
    network: Network,
    x: Array,
    heat: Array,
    cover: Array,
    masks: Array,
    chunk: int,
    progress: Progress,
) -> tuple[Array, Array]:
    """Return what the map says and what the network does for each set, both (k, N)."""
    network = network.settled(x)
    whole = network.scores(x)

    def both(mask: Array) -> tuple[Array, Array]:
        left = network.scores(jnp.where(mask[None, ..., None], cover, x))
        return (heat * mask[None]).sum((1, 2)), whole - left

    return mapped(both, masks, chunk, progress)
