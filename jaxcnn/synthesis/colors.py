"""The colours of one image in another: by its luminance, or by matching mean and covariance."""

import jax.numpy as jnp
import numpy as np

from jaxcnn.typing import Array

YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
"""From red, green and blue to luminance and two chrominances (NTSC, 1953)."""


def with_colors_of(images: Array, content: Array) -> Array:
    """Return the luminance of images with the chrominance of others, in [0, 1].

    Args:
      images: (N, H, W, 3) in [0, 1].
      content: Whose colours are taken, of the same shape.

    Returns:
      (N, H, W, 3).

    Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer", section 4.

    Example:
      >>> grey, red = jnp.full((1, 1, 1, 3), 0.299), jnp.array([1.0, 0, 0]).reshape(1, 1, 1, 3)
      >>> with_colors_of(grey, red).ravel().round(2)
      Array([1., 0., 0.], dtype=float32)
    """
    there, back = (jnp.asarray(m.T, images.dtype) for m in (YIQ, np.linalg.inv(YIQ)))
    light, color = images @ there, content @ there
    return jnp.clip(jnp.concatenate([light[..., :1], color[..., 1:]], -1) @ back, 0, 1)


def recolored(style: Array, content: Array) -> Array:
    r"""Return style with the mean and covariance of the colours of content, in [0, 1].

    The map is :math:`\Sigma_C^{1/2} \Sigma_S^{-1/2} (x - \mu_S) + \mu_C`, with square roots that
    are symmetric.

    Args:
      style: (N, H, W, C) in [0, 1].
      content: Whose colours are taken, (N, h, w, C).

    Returns:
      Like style.

    Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer", section 3.

    Example:
      >>> grey = jnp.linspace(0, 1, 12).reshape(1, 2, 2, 3)
      >>> recolored(grey, grey / 2).shape
      (1, 2, 2, 3)
    """
    mean, spread = _moments(style)
    goal, wanted = _moments(content)
    change = _root(wanted, 0.5) @ _root(spread, -0.5)
    moved = jnp.einsum("nhwc,nkc->nhwk", style - mean[:, None, None], change)
    return jnp.clip(moved + goal[:, None, None], 0, 1)


def _moments(images: Array) -> tuple[Array, Array]:
    """Return the mean (N, C) and covariance (N, C, C) of the colours."""
    flat = images.reshape(images.shape[0], -1, images.shape[-1])
    mean = flat.mean(1)
    away = flat - mean[:, None]
    # A grey image has no spread across the colours, and its root no inverse.
    ridge = 1e-5 * jnp.eye(flat.shape[-1], dtype=flat.dtype)[None]
    return mean, jnp.einsum("npc,npk->nck", away, away) / flat.shape[1] + ridge


def _root(matrices: Array, power: float) -> Array:
    values, vectors = jnp.linalg.eigh(matrices)
    return (vectors * values[:, None] ** power) @ jnp.swapaxes(vectors, 1, 2)
