"""A network that looks at images in [0, 1]: what every technique of this room asks of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.core import Tracer
from jax.tree_util import register_dataclass

from jaxcnn.checks import Report, is_floating
from jaxcnn.taps import features
from jaxcnn.taps.arguments import split
from jaxcnn.taps.static import Static
from jaxcnn.taps.target import STATIC
from jaxcnn.typing import Array, Shape, Variables


@register_dataclass
@dataclass(frozen=True)
class Network:
    """A model in evaluation mode, its variables, and how it wants its images: a pytree."""

    static: Static = field(metadata=STATIC)
    variables: Any
    mean: tuple[float, ...] = field(default=(0.0,), metadata=STATIC)
    std: tuple[float, ...] = field(default=(1.0,), metadata=STATIC)

    @property
    def model(self) -> nn.Module:
        """The model."""
        return self.static.value

    def prepared(self, images: Array) -> Array:
        """Return images in [0, 1] as the model takes them."""
        shape = (1,) * (images.ndim - 1) + (-1,)
        mean, std = (jnp.asarray(v, images.dtype).reshape(shape) for v in (self.mean, self.std))
        return (images - mean) / std

    def look(self, images: Array, at: Sequence[str]) -> dict[str, Array]:
        """Return what the model makes of images in [0, 1] at some places."""
        if not at:
            return {}
        return features(self.model, self.variables, self.prepared(images), tuple(at))


def network_of(
    report: Report, model: nn.Module, variables: Variables, transform: Any = None
) -> Network:
    """Return the network; raise what the report holds, and what is wrong with the model."""
    split(report.function, model, False, None, {})
    mean, std = (0.0,), (1.0,)
    if transform is not None:
        ok = hasattr(transform, "mean") and hasattr(transform, "std")
        rule = "must have mean and std, of which the network's images are normalised"
        report.expect(ok, "transform", transform, rule, "pass meta.transforms", kind=True)
        report.done()
        mean, std = tuple(transform.mean), tuple(transform.std)
    report.done()
    return Network(Static(model), variables, mean, std)


def names(at: str | Sequence[str]) -> tuple[str, ...]:
    """Return layers as a tuple."""
    return (at,) if isinstance(at, str) else tuple(at)


def expect_layers(report: Report, argument: str, at: str | Sequence[str]) -> tuple[str, ...]:
    """Return the layers as a tuple; expect one at least."""
    places = names(at)
    report.expect(len(places) > 0, argument, at, "must name a layer", "name one")
    return places


def expect_images(report: Report, argument: str, x: Any) -> bool:
    """Expect floating-point images (N, H, W, C) in [0, 1]; a traced array passes."""
    rule = f"must be a floating-point array, got {getattr(x, 'dtype', type(x).__name__)}"
    fix = "give pixels / 255, e.g. images.astype('float32') / 255"
    if not report.expect(is_floating(x), argument, x, rule, fix, kind=True):
        return False
    rule, one = "must have 4 axes (N, H, W, C) and hold an image", "use x[None] for a single image"
    if not report.expect(x.ndim == 4 and 0 not in x.shape, argument, x, rule, one):
        return False
    if isinstance(x, Tracer):
        return True
    low, high = float(jnp.min(x)), float(jnp.max(x))
    rule = f"must lie in [0, 1], and lies in {low:.3g} to {high:.3g}"
    return report.expect(low >= 0 and high <= 1, argument, x, rule, fix)


def expect_shape(report: Report, shape: Any) -> Shape:
    """Expect (N, H, W, C) of positive ints."""
    ok = isinstance(shape, tuple | list) and len(shape) == 4
    fix = "give e.g. (1, 224, 224, 3)"
    if report.expect(ok, "start", shape, "must be images or their shape (N, H, W, C)", fix):
        return report.ints("start", tuple(shape), 4, names="axis")
    return (1, 1, 1, 1)


@jax.jit
def clipped(images: Array) -> Array:
    """Return images in [0, 1]."""
    return jnp.clip(images, 0, 1)
