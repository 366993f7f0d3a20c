"""Squeeze and excitation: channels weighted by what the whole image holds."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxcnn.checks import Report, inside
from jaxcnn.layers.conv import Conv
from jaxcnn.ops.pad import expect_batch
from jaxcnn.typing import Array, Dtype


class SqueezeExcite(nn.Module):
    """Average over space, two pointwise convolutions, and a gate for every channel.

    Attributes:
      features: channels in between, >= 1 (a fraction of the input's, often 1/4 or 1/16).
      act: activation in between.
      gate: maps the result to weights.
      dtype: dtype of the computation.
      conv: makes the convolutions, named `reduce` and `expand`; called with `dtype=` only where
        `dtype` is given, so that a constructor with a dtype of its own keeps it.

    Reference: Hu et al., "Squeeze-and-Excitation Networks", 2018.

    >>> y, variables = SqueezeExcite(2).init_with_output(jax.random.key(0), jnp.ones((1, 4, 4, 8)))
    >>> y.shape, sorted(variables["params"])
    ((1, 4, 4, 8), ['expand', 'reduce'])
    """

    features: int
    act: Callable[[Array], Array] = jax.nn.relu
    gate: Callable[[Array], Array] = jax.nn.sigmoid
    dtype: Dtype | None = None
    conv: Callable[..., nn.Module] = Conv

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Weight the channels of `(N, *S, C)`."""
        with inside("/".join(self.path)):
            report = Report("SqueezeExcite", x)
            expect_batch(report, x)
            report.count("features", self.features)
            report.done()
        axes = tuple(range(1, x.ndim - 1))
        window = (1,) * len(axes)
        wide = jnp.promote_types(x.dtype, jnp.float32)
        weight = jnp.mean(x, axes, dtype=wide, keepdims=True).astype(x.dtype)
        options = {} if self.dtype is None else {"dtype": self.dtype}
        weight = self.act(self.conv(self.features, window, name="reduce", **options)(weight))
        weight = self.conv(x.shape[-1], window, name="expand", **options)(weight)
        return x * self.gate(weight)
