"""How weights start: frozen dataclasses, so that models that hold them compare and pickle.

JAX's initialisers are closures: two of the same rule differ, and no process can send them to
another.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.typing import Array, Key, Shape


@dataclasses.dataclass(frozen=True)
class Normal:
    """Normal numbers of one deviation, which in the first networks knew no rule of scale.

    >>> import jax
    >>> Normal(0.01) == Normal(0.01), Normal(0.01)(jax.random.key(0), (2, 3)).shape
    (True, (2, 3))
    """

    deviation: float

    def __call__(self, key: Key, shape: Shape, dtype: Any = jnp.float32) -> Array:
        """Draw an array."""
        return nn.initializers.normal(self.deviation)(key, shape, dtype)


@dataclasses.dataclass(frozen=True)
class Scaled:
    """Numbers of variance `scale / fan`, where the fan counts inputs or outputs of a unit.

    Attributes:
      scale: 2 for ReLU, 1 for linear units.
      mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
      distribution: `"normal"`, `"truncated_normal"` or `"uniform"`.
      apart: Axes of the kernel that do not count, as those over which no sum runs.

    >>> import jax
    >>> he = Scaled(2.0, "fan_in", "normal")
    >>> round(float(he(jax.random.key(0), (3, 3, 32, 64)).std() * (3 * 3 * 32 / 2) ** 0.5), 1)
    1.0
    """

    scale: float
    mode: str
    distribution: str
    apart: tuple[int, ...] = ()

    def __call__(self, key: Key, shape: Shape, dtype: Any = jnp.float32) -> Array:
        """Draw an array, whose last axes are (inputs, outputs)."""
        rule: Any = nn.initializers.variance_scaling
        draw = rule(self.scale, self.mode, self.distribution, batch_axis=self.apart)
        return draw(key, shape, dtype)


he_fan_out = Scaled(2.0, "fan_out", "normal")
"""He et al. 2015, equation 14 ("Delving deep into rectifiers"): keeps the gradient's variance."""

he_fan_in = Scaled(2.0, "fan_in", "truncated_normal")
"""He et al. 2015, equation 10: keeps the variance of the activations."""

he_each_tap = Scaled(2.0, "fan_in", "normal", apart=(0, 1))
"""Equation 10 for a 2x2 kernel at stride 2, transposed: each output is seen through one tap, so
that it sums over the input's channels alone."""

he_uniform = Scaled(2.0, "fan_in", "uniform")
"""Equation 10 with uniform numbers."""

lecun_uniform = Scaled(1.0, "fan_in", "uniform")
"""Caffe's "xavier"."""

torch_uniform = Scaled(1 / 3, "fan_in", "uniform")
"""PyTorch's default for convolutions and linear layers: uniform within 1 / sqrt(fan-in)."""

normal_001 = Normal(0.01)
normal_002 = Normal(0.02)
normal_01 = Normal(0.1)
