"""Residual networks (He et al. 2015): those for small images, resnet20 to resnet110."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import BasicBlock, ResidualStage, shortcut_a
from jaxcnn.models.inputs import as_logits, check_images
from jaxcnn.typing import Array, Dtype

he_normal = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


class CifarResNet(nn.Module):
    """The residual network for 32x32 images, of depth 6 n + 2 (He et al. 2015, section 4.2).

    A 3x3 convolution with 16 features, then three stages of n basic blocks with 16, 32 and 64
    features, of which the last two halve the size; global average; one linear layer. Shortcuts
    that change the shape subsample and pad with zero channels (option A), so they have no
    parameters: resnet20 has 269,722 with ten classes.

    Attributes:
      blocks: Blocks n of each stage.
      num_classes: Number of classes; 0 returns the 64 averaged features.
      width: Features of the first stage.
      norm: What makes a norm, called `norm(use_running_average=..., dtype=..., name=...)(x)`.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((2, 32, 32, 3))
      >>> variables = jax.eval_shape(CifarResNet().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      269722
    """

    blocks: int = 3
    num_classes: int = 10
    width: int = 16
    norm: Callable[..., Any] = layers.BatchNormConfig()
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C), H and W at least 4, to logits (N, num_classes)."""
        check_images("resnet", x, min_size=4)
        conv = partial(self.conv, use_bias=False, kernel_init=he_normal, dtype=self.dtype)
        norm = partial(self.norm, use_running_average=not train, dtype=self.dtype)
        block = partial(BasicBlock, conv=conv, norm=norm, act=self.act, shortcut=shortcut_a)
        x = conv(self.width, (3, 3), padding=1, name="stem_conv")(x)
        x = self.act(norm(name="stem_norm")(x))
        for i in range(3):
            stride, features = (1, 2, 2)[i], self.width * 2**i
            stage = ResidualStage(self.blocks, features, stride, block, name=f"stage{i + 1}")
            x = stage(x)
        x = x.mean((1, 2))
        if self.num_classes == 0:
            return x
        return as_logits(nn.Dense(self.num_classes, dtype=self.dtype, name="head")(x))
