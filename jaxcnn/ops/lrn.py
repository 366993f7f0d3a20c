"""Local response normalisation across channels."""

import jax.numpy as jnp
from jax import lax

from jaxcnn.checks import Report, is_number
from jaxcnn.typing import Array


def local_response_norm(
    x: Array,
    size: int = 5,
    *,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    average: bool = True,
) -> Array:
    r"""Divide every element by a power of the energy of its neighbouring channels.

    .. math:: y_c = x_c \Big/ \Big(k + a \sum_{|j - c| \le n/2} x_j^2\Big)^{\beta}

    PyTorch takes the *average* over the `size` channels, so there `a = alpha / size`; the
    AlexNet paper takes the *sum*, so `a = alpha`. Its constants are `size=5, alpha=1e-4,
    beta=0.75, k=2` with `average=False`; the same numbers come from `average=True, alpha=5e-4`.

    Args:
      x: `(..., C)`, floating point.
      size: number of neighbouring channels, the element's own included, >= 1.
      alpha: weight of the energy.
      beta: the power.
      k: added to the energy, > 0.
      average: whether `alpha` is divided by `size` (PyTorch) or not (the paper).

    Returns:
      An array like `x`, computed in at least 32 bits.

    Raises:
      ValueError: if an option is out of range.

    Reference: Krizhevsky et al., "ImageNet Classification with Deep CNNs", 2012, section 3.3.

    >>> local_response_norm(jnp.array([[1.0, 2.0]]), 1, alpha=1.0, beta=1.0)
    Array([[0.5, 0.4]], dtype=float32)
    """
    report = Report("local_response_norm", x)
    report.floating("x", x)
    size = report.count("size", size)
    for name, value in (("alpha", alpha), ("beta", beta)):
        ok = is_number(value) and value >= 0
        report.expect(ok, name, value, "must be a number >= 0", "use 1e-4 and 0.75")
    report.expect(is_number(k) and k > 0, "k", k, "must be a number > 0", "use 1 or 2")
    report.done()
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    energy = neighbours(lax.square(wide), size) * (alpha / size if average else alpha)
    return (wide / (k + energy) ** beta).astype(x.dtype)


def neighbours(x: Array, size: int) -> Array:
    """Sum over `size` neighbouring channels; of an even number, more of those before."""
    low, channels = size // 2, x.shape[-1]
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(low, size - 1 - low)])
    shifted = (lax.slice_in_dim(x, i, i + channels, axis=x.ndim - 1) for i in range(size))
    total = next(shifted)
    for part in shifted:
        total = total + part
    return total
