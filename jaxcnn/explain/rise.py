"""Random masks, averaged by the score of what they leave to see."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report, is_number
from jaxcnn.explain.chunks import Progress, summed
from jaxcnn.explain.document import documented
from jaxcnn.explain.network import Network, baseline_of, examine
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Key, Shape, Variables


@documented("(2, 32, 32)", "samples=8")
def rise(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    key: Key | None = None,
    samples: int = 1024,
    grid: int = 7,
    keep: float = 0.5,
    masks: Array | None = None,
    baseline: float | Array = 0.0,
    chunk: int = 32,
    progress: Progress = None,
) -> Array:
    r"""Return :math:`\frac{1}{n p} \sum_k s(x \odot m_k + b \odot (1 - m_k)) \, m_k`.

    A mask m is a random grid of zeros and ones, made large bilinearly and shifted at random.
    All images of a batch meet the same masks. Take `jaxcnn.taps.Probability` as target, as the
    paper does: scores of any sign add noise.

    Args:
      samples: Number n of masks; the paper takes 4000 to 8000.
      grid: Cells of a mask in height and width.
      keep: Probability p that a cell shows the image, within 0 and 1.
      masks: The masks themselves, (n, H, W) in [0, 1], rather than random ones.

    Returns:
      Maps (N, H, W).

    Source: Petsiuk et al. 2018, "RISE", equation 6 and section 3.2.
    """
    report = Report("rise", x)
    count = report.count("samples", samples)
    report.count("grid", grid)
    report.count("chunk", chunk)
    if getattr(x, "ndim", 0) == 4:
        size = tuple(x.shape[1:3])
        rule, fix = f"must fit into the image, {size}", "use fewer cells"
        report.expect(masks is not None or grid <= min(size), "grid", grid, rule, fix)
        ok = masks is None or (jnp.ndim(masks) == 3 and jnp.shape(masks)[1:] == size)
        rule = f"must have shape (n, {size[0]}, {size[1]})"
        report.expect(ok, "masks", masks, rule, "give masks of the size of the images")
    ok = is_number(keep) and 0 < keep < 1
    report.expect(ok, "keep", keep, "must lie within 0 and 1", "use e.g. 0.5")
    cover = baseline_of(report, x, baseline)
    network = examine(report, model, variables, x, target, 4)
    keys = jax.random.split(jax.random.key(0) if key is None else key, count)
    draws = keys if masks is None else jnp.asarray(masks)
    return _rise(network, x, cover, draws, keep, masks is None, grid, chunk, progress)


@functools.partial(jax.jit, static_argnames=("random", "grid", "chunk", "progress"))
def _rise(
    network: Network,
    x: Array,
    cover: Array,
    draws: Array,
    keep: Array,
    random: bool,
    grid: int,
    chunk: int,
    progress: Progress,
) -> Array:
    network = network.settled(x)

    def weighted(draw: Any) -> Array:
        mask = random_mask(draw, x.shape[1:3], grid, keep) if random else draw
        mask = mask.astype(x.dtype)[None]
        shown = mask[..., None]
        scores = network.scores(shown * x + (1 - shown) * cover)
        return scores.astype(x.dtype)[:, None, None] * mask

    total = summed(weighted, draws, chunk, progress)
    return total / (len(draws) * jnp.asarray(keep, x.dtype))


def random_mask(key: Key, size: Shape, grid: int, keep: Array | float) -> Array:
    """Return one smooth mask (H, W) in [0, 1].

    >>> random_mask(jax.random.key(0), (8, 6), 3, 0.5).shape
    (8, 6)
    """
    cells, shift = jax.random.split(key)
    cell = tuple(-(-side // grid) for side in size)
    coarse = jax.random.bernoulli(cells, keep, (grid + 1, grid + 1)).astype(jnp.float32)
    large = jax.image.resize(coarse, tuple((grid + 1) * side for side in cell), "linear")
    start = jax.random.randint(shift, (2,), 0, jnp.asarray(cell))
    return jax.lax.dynamic_slice(large, start, size)
