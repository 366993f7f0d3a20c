"""Small random changes of images, drawn or given."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.checks import Report, is_floating, is_number
from jaxcnn.typing import Array, Key


def draws_of(
    report: Report, x: Any, key: Key | None, samples: int, noise: Any, name: str = "noise"
) -> tuple[Any, Any]:
    """Return what `change` needs: a share and keys, or None and the changes themselves."""
    if is_floating(noise) and jnp.ndim(noise) > 0:
        shape = jnp.shape(x)
        ok = jnp.shape(noise)[1:] in (shape, shape[1:]) and len(noise) > 0
        rule = f"must have shape (n, {', '.join(map(str, shape[1:]))}), or one for each image"
        report.expect(ok, name, noise, rule, "give one array like x for each copy")
        return None, jnp.asarray(noise)
    count = report.count("samples", samples)
    ok = not is_number(noise) or noise >= 0
    report.expect(ok, name, noise, "must be >= 0", "use a share of the range, e.g. 0.1")
    return noise, jax.random.split(jax.random.key(0) if key is None else key, count)


def change(
    x: Array, share: Any, draw: Any, distribution: Callable[..., Array] = jax.random.normal
) -> Array:
    """Return what is added to x (N, ...); all images of a batch meet the same noise.

    Args:
      x: The images.
      share: Deviation as a share of each image's range, or None.
      draw: A random key, or the change itself.
      distribution: What is drawn, called with a key, a shape and a type.
    """
    if share is None:
        return jnp.broadcast_to(draw.astype(x.dtype), x.shape)
    axes = tuple(range(1, x.ndim))
    span = x.max(axes, keepdims=True) - x.min(axes, keepdims=True)
    return share * span * distribution(draw, x.shape[1:], x.dtype)[None]
