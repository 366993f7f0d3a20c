"""Blocks in a row."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxcnn.blocks.parts import start_report
from jaxcnn.typing import Array


class Stage(nn.Module):
    """Blocks in a row, each with its own widths: `x -> block1 -> block2 -> ... -> y`.

    Attributes:
      blocks: Constructors of the blocks, at least one, each called `block(name="block1")`.

    Source: He et al. 2015, table 1, where a network is a list of stages. `ResidualStage` is for
    blocks that differ in nothing but their stride.

    Example:
      >>> import functools, jax, jax.numpy as jnp
      >>> from jaxcnn.blocks import ConvNormAct
      >>> unit = functools.partial(ConvNormAct, norm=None)
      >>> stage = Stage((functools.partial(unit, 8, strides=2), functools.partial(unit, 16)))
      >>> x = jnp.ones((1, 8, 8, 4))
      >>> y, variables = jax.eval_shape(stage.init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])
      ((1, 4, 4, 16), ['block1', 'block2'])
    """

    blocks: tuple[Callable[..., Any], ...]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map images (N, H, W, C) to those of the last block.

        Raises:
          ValueError: If there is no block.
        """
        report = start_report(self, x)
        rule, fix = "must hold at least one block", "leave the stage out"
        report.expect(len(self.blocks) > 0, "blocks", self.blocks, rule, fix)
        report.done()
        for i, block in enumerate(self.blocks):
            x = block(name=f"block{i + 1}")(x)
        return x
