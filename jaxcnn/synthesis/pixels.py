"""Images as their own pixels: free, in the box, in a ball around others, or moved all alike."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax.tree_util import register_dataclass

from jaxcnn.taps.target import STATIC
from jaxcnn.typing import Array, Key, Shape


class Parametrisation(Protocol):
    """What is optimised, and how an image in [0, 1] comes of it.

    Any pytree with these methods is one: `Pixels`, `Fourier`, `Ball`, `Shared`.

    Example:
      >>> Pixels().init(jax.random.key(0), (1, 8, 8, 3)).shape
      (1, 8, 8, 3)
    """

    def init(self, key: Key, shape: Shape) -> Any:
        """Return parameters of random images of this shape (N, H, W, C)."""
        ...

    def of(self, images: Array) -> Any:
        """Return the parameters of given images."""
        ...

    def image(self, params: Any) -> Array:
        """Return the images of parameters."""
        ...

    def project(self, params: Any) -> Any:
        """Return the nearest parameters that are allowed."""
        ...


@register_dataclass
@dataclass(frozen=True)
class Pixels:
    """The pixels themselves, kept in [0, 1] after each step.

    Attributes:
      noise: Deviation of random images about grey.
      box: Whether pixels are kept in [0, 1]; without it they are free, as Simonyan's were.

    Example:
      >>> Pixels().project(jnp.array([-1.0, 0.5]))
      Array([0. , 0.5], dtype=float32)
    """

    noise: float = field(default=0.01, metadata=STATIC)
    box: bool = field(default=True, metadata=STATIC)

    def init(self, key: Key, shape: Shape) -> Array:
        """Return grey images with normal noise."""
        return self.project(0.5 + self.noise * jax.random.normal(key, shape))

    def of(self, images: Array) -> Array:
        """Return the images."""
        return images

    def image(self, params: Array) -> Array:
        """Return the parameters."""
        return params

    def project(self, params: Array) -> Array:
        """Clip to [0, 1]."""
        return jnp.clip(params, 0, 1) if self.box else params


@register_dataclass
@dataclass(frozen=True)
class Ball:
    r"""Images no farther than eps from others, :math:`\|x - x_0\|_p \le \epsilon`, in [0, 1].

    Attributes:
      centre: The images x0, (N, H, W, C).
      eps: The radius, a number or one for each image (N,).
      norm: `"linf"` for the largest change of a value, `"l2"` for the Euclidean norm.

    Example:
      >>> ball = Ball(jnp.full((1, 1, 1, 3), 0.5), 0.25)
      >>> ball.project(jnp.array([0.0, 0.6, 2.0]).reshape(1, 1, 1, 3)).ravel()
      Array([0.25, 0.6 , 0.75], dtype=float32)
    """

    centre: Any
    eps: Any
    norm: str = field(default="linf", metadata=STATIC)

    def init(self, key: Key, shape: Shape) -> Array:
        """Return random points of the ball: uniform in the cube, or in the Euclidean ball."""
        radius = each(self.eps, self.centre)
        if self.norm == "linf":
            return self.project(self.centre + radius * jax.random.uniform(key, shape, minval=-1))
        away, far = jax.random.split(key)
        direction = unit(jax.random.normal(away, shape))
        share = jax.random.uniform(far, (shape[0], 1, 1, 1)) ** (1 / self.centre[0].size)
        return self.project(self.centre + radius * share * direction)

    def of(self, images: Array) -> Array:
        """Return the nearest points of the ball."""
        return self.project(images)

    def image(self, params: Array) -> Array:
        """Return the parameters."""
        return params

    def project(self, params: Array) -> Array:
        """Move to the nearest point of the ball, then of [0, 1], which is no farther away."""
        radius, change = each(self.eps, self.centre), params - self.centre
        if self.norm == "linf":
            change = jnp.clip(change, -radius, radius)
        else:
            length = norms(change)
            change = change * jnp.minimum(1, radius / jnp.where(length > 0, length, 1))
        return jnp.clip(self.centre + change, 0, 1)


@register_dataclass
@dataclass(frozen=True)
class Shared:
    """One change for all images, none of its values beyond eps.

    Attributes:
      centre: The images, (N, H, W, C).
      eps: The largest change of a value.

    Example:
      >>> two = Shared(jnp.zeros((2, 1, 1, 1)), 0.5)
      >>> two.image(two.project(jnp.ones((1, 1, 1, 1)))).ravel()
      Array([0.5, 0.5], dtype=float32)
    """

    centre: Any
    eps: Any

    def init(self, key: Key, shape: Shape) -> Array:
        """Return a random change (1, H, W, C)."""
        return self.eps * jax.random.uniform(key, (1, *shape[1:]), minval=-1)

    def of(self, images: Array) -> Array:
        """Return no change."""
        return jnp.zeros_like(images[:1])

    def image(self, params: Array) -> Array:
        """Return the changed images, in [0, 1]."""
        return jnp.clip(self.centre + params, 0, 1)

    def project(self, params: Array) -> Array:
        """Clip the change."""
        return jnp.clip(params, -self.eps, self.eps)


def each(number: Any, like: Array) -> Array:
    """Return a number, or one for each image, so that it broadcasts to images."""
    return jnp.broadcast_to(jnp.asarray(number, like.dtype), like.shape[:1])[:, None, None, None]


def norms(x: Array) -> Array:
    """Return the Euclidean norm of each image, (N, 1, 1, 1); its gradient at zero is zero."""
    square = jnp.square(x).sum((1, 2, 3), keepdims=True)
    some = square > 0
    return jnp.where(some, jnp.sqrt(jnp.where(some, square, 1)), 0)


def unit(x: Array) -> Array:
    """Return each image divided by its Euclidean norm; zero stays zero."""
    length = norms(x)
    return x / jnp.where(length > 0, length, 1)
