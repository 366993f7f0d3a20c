"""Residual networks for small images (He et al. 2015), resnet20 to resnet110."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import BasicBlock, ConvNormAct, ResidualStage, shortcut_a
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import bound, classify, he_fan_out, linear_rates, recomputed
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


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
      stochastic_depth: Probability that training drops the last block's branch, in [0, 1];
        it grows linearly from the first block on.
      dropout: Share of the averaged features dropped in training, in [0, 1).
      zero_init: Whether the last norm of each block starts with scale 0.
      remat: Whether the backward pass recomputes each block rather than keep its activations.
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
    stochastic_depth: float = 0.0
    dropout: float = 0.0
    zero_init: bool = False
    remat: bool = False
    norm: Callable[..., Any] | None = layers.BatchNormConfig()
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        return 4

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C), H and W at least 4, to logits (N, num_classes)."""
        check_images("cifar_resnet", x, self.min_size, "stage3")
        conv, norm = bound(self, train, kernel_init=he_fan_out)
        wiring = {"conv": conv, "norm": norm, "act": self.act}
        block = partial(
            recomputed(BasicBlock, self.remat),
            shortcut=shortcut_a,
            zero_init=self.zero_init,
            deterministic=not train,
            **wiring,
        )
        rates = linear_rates(self.stochastic_depth, 3 * self.blocks)
        x = ConvNormAct(self.width, **wiring, name="stem")(x)
        for i in range(3):
            stride, features = (1, 2, 2)[i], self.width * 2**i
            drops = rates[i * self.blocks : (i + 1) * self.blocks]
            x = ResidualStage(self.blocks, features, stride, block, drops, name=f"stage{i + 1}")(x)
        return classify(self, x.mean((1, 2)), train)


def _variant(blocks: int, params: int) -> Variant:
    source = "He et al. 2015, section 4.2 (CIFAR-10)"
    return Variant(CifarResNet, params, source, {"blocks": blocks}, input_size=32)


VARIANTS = {
    "resnet20": _variant(3, 269_722),
    "resnet32": _variant(5, 464_154),
    "resnet44": _variant(7, 658_586),
    "resnet56": _variant(9, 853_018),
    "resnet110": _variant(18, 1_727_962),
}
