"""Auxiliary classifiers, which the Inception networks train beside their last one."""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn import layers, ops
from jaxcnn.blocks.conv_norm_act import ConvNormAct
from jaxcnn.blocks.parts import Act, Conv, Norm, expect_rate, start_report
from jaxcnn.typing import Array, Dtype


def avg_pool_5x5(x: Array) -> Array:
    """Average 5x5 windows at stride 3, which makes 4x4 of 14x14 and 5x5 of 17x17.

    Args:
      x: Maps (N, H, W, C).

    Returns:
      Maps (N, (H - 5) // 3 + 1, (W - 5) // 3 + 1, C).

    Source: Szegedy et al. 2014, section 5.

    >>> avg_pool_5x5(jnp.ones((1, 14, 14, 2))).shape
    (1, 4, 4, 2)
    """
    return ops.avg_pool(x, 5, stride=3)


def avg_pool_to_4x4(x: Array) -> Array:
    """Average to 4x4 whatever the size is, as torchvision's GoogLeNet does.

    Args:
      x: Maps (N, H, W, C).

    Returns:
      Maps (N, 4, 4, C).

    Source: torchvision's GoogLeNet; `jaxcnn.ops.adaptive_avg_pool`.

    >>> avg_pool_to_4x4(jnp.ones((1, 15, 13, 2))).shape
    (1, 4, 4, 2)
    """
    return ops.adaptive_avg_pool(x, 4)


class GoogLeNetAux(nn.Module):
    """GoogLeNet's auxiliary classifier: pool, 1x1, two fully connected layers.

    ```
    x -> pool to 4x4 -> conv 1x1, 128 -> act -> fc1, 1024 -> act -> dropout -> fc2
    ```

    The maps are flattened in the order (H, W, C).

    Attributes:
      num_classes: Number of classes, >= 1.
      pool: Pooling: `avg_pool_5x5` as in the paper, `avg_pool_to_4x4` as in torchvision.
      dropout: Probability in [0, 1] of dropping elements before the last layer.
      deterministic: Whether nothing is dropped; only needed where `dropout` is set.
      conv: Constructor of the convolution, called `conv(features, kernel_size, ...)`.
      norm: Constructor of the norm, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then the convolution has a bias.
      act: Nonlinearity.
      kernel_init: Initialiser of the fully connected layers.
      dtype: Type of the computation in the fully connected layers.

    Source: Szegedy et al. 2014, section 5.

    Example:
      >>> import jax
      >>> head = GoogLeNetAux(10, norm=None, deterministic=True)
      >>> x = jnp.ones((2, 14, 14, 8))
      >>> y, variables = jax.eval_shape(head.init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])
      ((2, 10), ['conv', 'fc1', 'fc2'])
    """

    num_classes: int
    pool: Callable[[Array], Array] = avg_pool_5x5
    dropout: float = 0.7
    deterministic: bool | None = None
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu
    kernel_init: Callable[..., Array] = nn.linear.default_kernel_init
    dtype: Dtype = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to logits (N, num_classes), in float32 at least.

        Raises:
          ValueError: If a field cannot be meant, or the pooled map is not 4x4.
        """
        report = start_report(self, x, "num_classes")
        expect_rate(report, self, "dropout")
        report.done()
        pooled = self.pool(x)
        # The first fully connected layer has 4 x 4 x 128 inputs, whatever the images are.
        height, width = pooled.shape[1:3]
        rule = f"must be 4x4 after the pooling, got {height}x{width}"
        fix = (
            "use 224x224 images (14x14 maps), or pool=avg_pool_to_4x4 for any size, or "
            "aux_heads=False for a network without this head"
        )
        report.expect((height, width) == (4, 4), "x", x, rule, fix)
        report.done()
        unit = ConvNormAct(128, 1, conv=self.conv, norm=self.norm, act=self.act, name="conv")
        x = unit(pooled)
        dense = partial(nn.Dense, dtype=self.dtype, kernel_init=self.kernel_init)
        x = self.act(dense(1024, name="fc1")(x.reshape(x.shape[0], -1)))
        if self.dropout:
            x = layers.Dropout(self.dropout, deterministic=self.deterministic, name="dropout")(x)
        return wide(dense(self.num_classes, name="fc2")(x))


class InceptionV3Aux(nn.Module):
    """Inception-v3's auxiliary classifier: pool, 1x1, 5x5, average, one linear layer.

    ```
    x -> avg_pool 5x5 /3 -> conv0 1x1, 128 -> conv1 5x5, 768 -> average -> fc
    ```

    Attributes:
      num_classes: Number of classes, >= 1.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`; those of
        `conv1` and `fc` start from normal numbers of deviation 0.01 and 0.001.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.
      dtype: Type of the computation in the linear layer.

    Source: Szegedy et al. 2015, section 4; as in torchvision.

    Example:
      >>> import jax
      >>> head = InceptionV3Aux(10, norm=None)
      >>> x = jnp.ones((2, 17, 17, 8))
      >>> y, variables = jax.eval_shape(head.init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])
      ((2, 10), ['conv0', 'conv1', 'fc'])
    """

    num_classes: int
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu
    dtype: Dtype = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C), at least 17x17, to logits (N, num_classes), in float32 at least.

        Raises:
          ValueError: If a field cannot be meant, or the map is too small.
        """
        report = start_report(self, x, "num_classes")
        rule = "must be at least 17x17, so that 5x5 is left after the pooling"
        fix = "use larger images (299x299), or aux_heads=False for a network without this head"
        report.expect(min(x.shape[1:3]) >= 17, "x", x, rule, fix)
        report.done()
        unit = partial(ConvNormAct, norm=self.norm, act=self.act)
        x = unit(128, 1, conv=self.conv, name="conv0")(avg_pool_5x5(x))
        conv = partial(self.conv, kernel_init=nn.initializers.normal(0.01))
        x = unit(768, 5, padding=0, conv=conv, name="conv1")(x).mean((1, 2))
        small = nn.initializers.normal(0.001)
        return wide(nn.Dense(self.num_classes, dtype=self.dtype, kernel_init=small, name="fc")(x))


def wide(x: Array) -> Array:
    """Return logits in float32 at least."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
