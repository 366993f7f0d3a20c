"""A norm and its nonlinearity: what closes a network whose blocks begin with both."""

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks.parts import Act, Norm, normed, start_report
from jaxcnn.typing import Array


class NormAct(nn.Module):
    """A norm and a nonlinearity: `act(norm(x))`.

    Attributes:
      norm: Constructor of the norm, called `norm(name="norm")`, bound to train or evaluation;
        None for no norm.
      act: Nonlinearity.

    Source: He et al. 2016, appendix: the activation after the last addition.

    Example:
      >>> import functools, jax, jax.numpy as jnp
      >>> norm = functools.partial(layers.BatchNorm, use_running_average=True)
      >>> y, variables = NormAct(norm).init_with_output(jax.random.key(0), -jnp.ones((1, 2, 2, 4)))
      >>> float(y.max()), sorted(variables["params"]["norm"])
      (0.0, ['bias', 'scale'])
    """

    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to the same shape."""
        start_report(self, x).done()
        return self.act(normed(self.norm, x, "norm"))
