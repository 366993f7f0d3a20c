"""Random masks, averaged by the score of what they leave to see."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report, is_number
from jaxcnn.explain.chunks import summed
from jaxcnn.explain.network import Network, baseline_of, examine
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Key, Shape, Variables


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
    baseline: float | Array = 0.0,
    chunk: int = 32,
) -> Array:
    r"""Return :math:`\frac{1}{n p} \sum_k s(x \odot m_k + b \odot (1 - m_k)) \, m_k`.

    A mask m is a random grid of zeros and ones, made large bilinearly and shifted at random.
    All images of a batch meet the same masks. Take `jaxcnn.taps.Probability` as target, as the
    paper does: scores of any sign add noise.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C), floating-point.
      target: A class, classes (N,), `"top1"` (the class of x), a function, or a target of
        `jaxcnn.taps`.
      key: Random key; None for always the same.
      samples: Number n of masks; the paper takes 4000 to 8000.
      grid: Cells of a mask in height and width.
      keep: Probability p that a cell shows the image, within 0 and 1.
      baseline: What covers: a number, or an array that broadcasts to x.
      chunk: How many masks are computed at once; bounds the memory.

    Returns:
      Maps (N, H, W).

    Raises:
      ValueError: If x holds NaN, the grid is finer than the image, or a number is out of range.
      TypeError: If x is not floating-point, or target is none.

    Source: Petsiuk et al. 2018, "RISE", equation 6 and section 3.2.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: rise(model, v, x, 3), variables, x).shape
      (2, 32, 32)
    """
    report = Report("rise", x)
    for name, value in {"samples": samples, "grid": grid, "chunk": chunk}.items():
        report.count(name, value)
    if getattr(x, "ndim", 0) == 4:
        rule = f"must fit into the image, {tuple(x.shape[1:3])}"
        report.expect(grid <= min(x.shape[1:3]), "grid", grid, rule, "use fewer cells")
    ok = is_number(keep) and 0 < keep < 1
    report.expect(ok, "keep", keep, "must lie within 0 and 1", "use e.g. 0.5")
    cover = baseline_of(report, x, baseline)
    network = examine(report, model, variables, x, target, 4)
    keys = jax.random.split(jax.random.key(0) if key is None else key, samples)
    return _rise(network, x, cover, keys, keep, grid, chunk)


@functools.partial(jax.jit, static_argnames=("grid", "chunk"))
def _rise(
    network: Network, x: Array, cover: Array, keys: Array, keep: Array, grid: int, chunk: int
) -> Array:
    network = network.settled(x)

    def weighted(key: Key) -> Array:
        mask = random_mask(key, x.shape[1:3], grid, keep).astype(x.dtype)[None]
        shown = mask[..., None]
        scores = network.scores(shown * x + (1 - shown) * cover)
        return scores.astype(x.dtype)[:, None, None] * mask

    return summed(weighted, keys, chunk) / (len(keys) * jnp.asarray(keep, x.dtype))


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
