"""A linear model of what the network does near one image, of which parts are shown."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report, is_number
from jaxcnn.explain.chunks import Progress
from jaxcnn.explain.document import documented
from jaxcnn.explain.network import baseline_of, examine
from jaxcnn.explain.segments import paint
from jaxcnn.explain.shown import parts_and_masks, shown_scores
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Key, Variables


@documented("(2, 32, 32)", "segments=4, samples=8")
def lime(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    key: Key | None = None,
    segments: int | Array = 8,
    samples: int = 1000,
    masks: Array | None = None,
    width: float = 0.25,
    ridge: float = 1.0,
    baseline: float | Array = 0.0,
    chunk: int = 32,
    progress: Progress = None,
) -> Array:
    r"""Return the weights of the parts in a linear model of the score near the image.

    :math:`\min_{w, w_0} \sum_k \pi_k (s(z_k) - w_0 - w \cdot z_k)^2 + \lambda |w|^2`, over images
    that show each part with probability 1/2 (:math:`z_{kj} = 1`) or cover it; near ones count
    more, :math:`\pi_k = \exp(-d_k^2 / 2 \sigma^2)`, d the cosine distance of z from all ones.

    Args:
      samples: Number of such images.
      masks: Which parts each of them shows, (n, M) for M parts, rather than random ones.
      width: The width :math:`\sigma` of the neighbourhood.
      ridge: The penalty :math:`\lambda`.

    Returns:
      Maps (N, H, W), the weight of its part at each pixel.

    Source: Ribeiro et al. 2016, "Why should I trust you?", section 3.4; the neighbourhood and
    the penalty are those of its authors' package.
    """
    report = Report("lime", x)
    report.count("chunk", chunk)
    ok = not is_number(width) or width > 0
    report.expect(ok, "width", width, "must be > 0", "use e.g. 0.25")
    ok = not is_number(ridge) or ridge >= 0
    report.expect(ok, "ridge", ridge, "must be >= 0", "use e.g. 1.0")
    draw = functools.partial(_coins, key)
    labels, shown = parts_and_masks(report, x, segments, samples, masks, draw)
    cover = baseline_of(report, x, baseline)
    network = examine(report, model, variables, x, target, 4)
    *_, scores = shown_scores(network, x, cover, labels, shown, chunk, progress)
    return paint(_regression(scores.astype(x.dtype), labels, shown, width, ridge), labels)


def _coins(key: Key | None, samples: int, count: int) -> Array:
    key = jax.random.key(0) if key is None else key
    return jax.random.bernoulli(key, 0.5, (samples, count))


@jax.jit
def _regression(scores: Array, labels: Array, shown: Array, width: Array, ridge: Array) -> Array:
    """Return the weights (N, M) of weighted ridge regressions with an intercept."""
    count = shown.shape[1]

    def fit(y: Array, labels: Array) -> Array:
        # Parts that only other images of the batch have do not count in the distance.
        real = jnp.zeros(count, bool).at[labels].set(True)
        distance = 1 - jnp.sqrt((shown & real[None]).sum(1) / real.sum())
        near = jnp.exp(-(distance**2) / (2 * width**2)).astype(y.dtype)
        z = shown.astype(y.dtype)
        z, y = z - (near @ z / near.sum())[None], y - near @ y / near.sum()
        weighted = (z * near[:, None]).T
        return jnp.linalg.solve(weighted @ z + ridge * jnp.eye(count, dtype=y.dtype), weighted @ y)

    return jax.vmap(fit)(scores.T, labels)
