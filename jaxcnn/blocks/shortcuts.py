"""Shortcuts: how a residual block's input becomes as small and as wide as its output.

All are called `shortcut(x, features, stride, conv, norm)` within a block's compact method, so
layers that they make belong to the block.
"""

import jax.numpy as jnp

from jaxcnn.blocks.parts import Conv, Norm, normed
from jaxcnn.checks import Report
from jaxcnn.typing import Array


def shortcut_a(
    x: Array, features: int, stride: int, conv: Conv | None = None, norm: Norm = None
) -> Array:
    """Fit the input to the output without parameters: subsample, pad with zero channels.

    Args:
      x: Input (N, H, W, C).
      features: Channels of the output, at least C.
      stride: Step in both directions.
      conv: Unused: there is no convolution.
      norm: Unused: there is no norm.

    Returns:
      The shortcut, (N, ceil(H / stride), ceil(W / stride), features).

    Raises:
      ValueError: If there are more channels than features.

    Source: He et al. 2015, section 3.3, option A.

    >>> shortcut_a(jnp.ones((1, 4, 4, 2)), 5, 2).shape
    (1, 2, 2, 5)
    """
    extra = features - x.shape[-1]
    report = Report("shortcut_a", x)
    rule = f"must be at least the {x.shape[-1]} input channels, which zeros are added to"
    report.expect(extra >= 0, "features", features, rule, "use shortcut_b, which projects")
    report.done()
    before = extra // 2
    x = x[:, ::stride, ::stride]
    return jnp.pad(x, ((0, 0), (0, 0), (0, 0), (before, extra - before)))


def shortcut_b(x: Array, features: int, stride: int, conv: Conv, norm: Norm) -> Array:
    """Project the input onto the output: `norm(conv_1x1(x))`, where the shapes differ.

    There is no bias: the branch to which the shortcut is added has one, or a norm.

    Args:
      x: Input (N, H, W, C).
      features: Channels of the output.
      stride: Step in both directions.
      conv: Constructor of the convolution, which is named `shortcut_conv`.
      norm: Constructor of the norm, which is named `shortcut_norm`; None for none.

    Returns:
      The shortcut, (N, ceil(H / stride), ceil(W / stride), features).

    Source: He et al. 2015, section 3.3, option B.

    >>> import jax
    >>> from jaxcnn.blocks import BasicBlock
    >>> block = BasicBlock(5, stride=2, norm=None, shortcut=shortcut_b)
    >>> x = jnp.ones((1, 4, 4, 2))
    >>> variables = jax.eval_shape(block.init, jax.random.key(0), x)
    >>> jax.tree.map(jnp.shape, variables["params"]["shortcut_conv"])
    {'kernel': (1, 1, 2, 5)}
    """
    y = conv(
        features,
        (1, 1),
        strides=(stride, stride),
        padding=0,
        use_bias=False,
        name="shortcut_conv",
    )(x)
    return normed(norm, y, "shortcut_norm")
