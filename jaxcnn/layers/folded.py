"""Batch normalisation after its scale has gone into the convolution before it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxcnn.layers.arguments import report_for
from jaxcnn.layers.norm import BatchNormConfig
from jaxcnn.typing import Array


class FoldedNorm(nn.Module):
    """What `jaxcnn.fold_batch_norm` leaves of a batch norm; its variables tell what that is.

    A place that was folded has no statistics: it adds its bias, or does nothing where the
    convolution has one. Any other place, and any place while initialising, is the batch norm
    that it was.

    Attributes:
      make: Constructor of the batch norm.
      options: What `make` is called with, for this place.

    Source: Jacob et al. 2018, "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference", section 3.2, equation 14.

    >>> layer, x = FoldedNorm(), jnp.ones((1, 2))
    >>> layer.apply({"params": {"bias": jnp.array([1.0, 2.0])}}, x)
    Array([[2., 3.]], dtype=float32)
    >>> layer.apply({}, x)
    Array([[1., 1.]], dtype=float32)
    """

    make: Callable[..., Any] = BatchNormConfig()
    options: tuple[tuple[str, Any], ...] = ()

    def setup(self) -> None:
        """Make the batch norm, whose variables are this module's own."""
        self.norm = self.make(**dict(self.options))
        nn.share_scope(self, self.norm)

    def __call__(self, x: Array) -> Array:
        """Map `(N, *S, C)` to the same shape.

        Raises:
          ValueError: In training, which a folded network is not for.
        """
        kept = self.has_variable("batch_stats", "mean") or self.has_variable("params", "scale")
        if kept or self.is_initializing():
            return self.norm(x)
        report = report_for(self, x)
        rule, fix = "cannot be True: this norm is folded", "train the model that was folded"
        trains = dict(self.options).get("use_running_average") is False
        report.expect(not trains, "train", True, rule, fix)
        report.done()
        if not self.has_variable("params", "bias"):
            return x
        bias = jnp.asarray(self.get_variable("params", "bias"), x.dtype)
        return x + jnp.expand_dims(bias, range(x.ndim - 1))


@dataclasses.dataclass(frozen=True)
class FoldedNormConfig:
    """Which norm a folded model uses: hashable and comparable, like the config within it.

    Attributes:
      make: The config or class of the batch norm that is folded where it can be.

    >>> FoldedNormConfig(BatchNormConfig()) == FoldedNormConfig()
    True
    """

    make: Callable[..., Any] = BatchNormConfig()

    def __call__(self, *, name: str | None = None, **options: Any) -> FoldedNorm:
        """Return the layer; `options` are those of the batch norm for this place."""
        return FoldedNorm(self.make, tuple(sorted(options.items())), name=name)
