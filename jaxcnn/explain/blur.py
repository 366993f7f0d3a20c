"""Integrated gradients from the blurred image: what appears when the image comes into focus."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report, is_number
from jaxcnn.explain.chunks import Progress, summed
from jaxcnn.explain.document import documented
from jaxcnn.explain.network import Network, examine
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables


@documented("(2, 32, 32, 3)", "steps=4")
def blur_integrated_gradients(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    sigma: float = 50.0,
    steps: int = 64,
    chunk: int = 8,
    progress: Progress = None,
) -> Array:
    r"""Return :math:`\int_\sigma^0 g(L_t) \odot \frac{\partial L_t}{\partial t} \, dt`.

    :math:`L_t` is the image blurred by a Gaussian of deviation t, g the gradient of the score. No
    baseline is invented: the way leads through images with ever finer detail. Its pieces are
    straight, between deviations that fall quadratically; the gradient of each is that at its
    middle.

    Args:
      sigma: Deviation of the first blur, in pixels.
      steps: Number of gradients, at least 1.

    Returns:
      Signed shares (N, H, W, C), whose sum is about s(x) - s(blurred x).

    Source: Xu et al. 2020, "Attribution in scale and space", equation 5.
    """
    report = Report("blur_integrated_gradients", x)
    report.count("steps", steps)
    report.count("chunk", chunk)
    ok = not is_number(sigma) or sigma > 0
    report.expect(ok, "sigma", sigma, "must be > 0", "use e.g. a fifth of the image's width")
    network = examine(report, model, variables, x, target, 4)
    return _integrated(network, x, sigma, steps, chunk, progress)


@functools.partial(jax.jit, static_argnames=("steps", "chunk", "progress"))
def _integrated(
    network: Network, x: Array, sigma: Array, steps: int, chunk: int, progress: Progress
) -> Array:
    network = network.settled(x)
    deviations = sigma * jnp.linspace(1, 0, steps + 1, dtype=x.dtype) ** 2

    def share(ends: Array) -> Array:
        coarse, fine = blur(x, ends[0]), blur(x, ends[1])
        return (fine - coarse) * network.gradients((coarse + fine) / 2).gradient

    ends = jnp.stack([deviations[:-1], deviations[1:]], 1)
    return summed(share, ends, chunk, progress)


def blur(x: Array, sigma: Array | float) -> Array:
    """Return images blurred by a Gaussian; at the border it weighs the pixels there are.

    >>> blur(jnp.array([1.0, 0.0, 2.0, 1.0]).reshape(1, 1, 4, 1), 1e6).ravel()
    Array([1., 1., 1., 1.], dtype=float32)
    """
    rows, columns = (_weights(size, sigma, x.dtype) for size in x.shape[1:3])
    return jnp.einsum("ah,nhwc,bw->nabc", rows, x, columns)


def _weights(size: int, sigma: Array | float, dtype: jnp.dtype) -> Array:
    """Return the weight of each pixel of an axis for each, (size, size)."""
    place = jnp.arange(size, dtype=dtype)
    far = (place[:, None] - place[None]) / jnp.maximum(sigma, jnp.finfo(dtype).tiny ** 0.5)
    weights = jnp.exp(-(jnp.minimum(far**2, 1e4)) / 2)
    return weights / weights.sum(1, keepdims=True)
