"""A fully connected layer with its nonlinearity."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxcnn.blocks.parts import Act
from jaxcnn.layers.arguments import report_for
from jaxcnn.typing import Array, Dtype


class FullyConnected(nn.Module):
    """A linear layer and a nonlinearity, `act(dense(x))`: what `ConvNormAct` is for convolutions.

    So the output of `fc6` is what papers call fc6, the features after the nonlinearity; those
    before it are the output of `fc6/dense`.

    Attributes:
      features: Width of the layer, >= 1.
      kernel_init: Initialiser of the matrix.
      bias_init: Initialiser of the bias.
      act: Nonlinearity.
      dtype: Type of the computation; parameters stay float32.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> y, variables = FullyConnected(3).init_with_output(jax.random.key(0), jnp.ones((2, 5)))
      >>> y.shape, jax.tree.map(jnp.shape, variables["params"])
      ((2, 3), {'dense': {'bias': (3,), 'kernel': (5, 3)}})
    """

    features: int
    kernel_init: Callable[..., Any] = nn.initializers.lecun_normal()
    bias_init: Callable[..., Any] = nn.initializers.zeros
    act: Act = nn.relu
    dtype: Dtype = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map features (N, F) to (N, features).

        Raises:
          ValueError: If `features` is not a positive int.
        """
        report = report_for(self, x)
        report.count("features", self.features)
        report.floating("x", x)
        report.done()
        dense = nn.Dense(
            self.features,
            dtype=self.dtype,
            kernel_init=self.kernel_init,
            bias_init=self.bias_init,
            name="dense",
        )
        return self.act(dense(x))
