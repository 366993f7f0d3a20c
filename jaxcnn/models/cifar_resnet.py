"""Residual networks for small images (He et al. 2015), and with stochastic depth."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import BasicBlock, ConvNormAct, ResidualStage, shortcut_a
from jaxcnn.models.initializers import he_fan_out
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import bound, classify, recomputed, stage_rates
from jaxcnn.models.variant import Variant
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array, Dtype


class CifarResNet(nn.Module):
    """The residual network for 32x32 images, of depth 6 n + 2 (He et al. 2015, section 4.2).

    A 3x3 convolution with 16 features, then three stages of n basic blocks with 16, 32 and 64
    features, of which the last two halve the size; global average; one linear layer. Shortcuts
    that change the shape subsample and pad with zero channels (option A), so they have no
    parameters: resnet20 has 269,722 with ten classes. Convolutions start as in He et al. 2015b
    (normal), the last layer as in Flax (LeCun's). `resnet110_sd` is the network of Huang et al.
    2016, of which the last block survives with probability 0.5.

    Attributes:
      blocks: Blocks n of each stage.
      num_classes: Number of classes; 0 returns the 64 averaged features.
      width: Features of the first stage.
      stochastic_depth: Probability that training drops the last block's branch, in [0, 1];
        it grows linearly from the first block on.
      dropout: Share of the averaged features dropped in training, in [0, 1).
      zero_init: Whether the last norm of each block starts with scale 0.
      remat: Whether the backward pass recomputes each block rather than keep its activations.
      scan_blocks: Whether training runs the equal blocks of a stage as one loop: it compiles
        once, and each step takes longer. Variables are the same.
      norm: What makes a norm, called `norm(use_running_average=..., dtype=..., name=...)(x)`.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: He et al. 2015, "Deep residual learning for image recognition", section 4.2; Huang
    et al. 2016, "Deep networks with stochastic depth", equation 4.

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
    scan_blocks: bool = False
    norm: Callable[..., Any] | None = layers.BatchNormConfig()
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels: every window is padded."""
        return 1

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) to logits (N, num_classes)."""
        check_images("cifar_resnet", x, self.min_size, "stem")
        conv, norm = bound(self, train, kernel_init=he_fan_out)
        wiring = {"conv": conv, "norm": norm, "act": self.act}
        block = partial(
            recomputed(BasicBlock, self.remat),
            shortcut=shortcut_a,
            zero_init=self.zero_init,
            deterministic=not train,
            **wiring,
        )
        x = ConvNormAct(self.width, **wiring, name="stem")(x)
        for i, drops in enumerate(stage_rates(self.stochastic_depth, (self.blocks,) * 3)):
            stage = partial(ResidualStage, self.blocks, self.width * 2**i, min(i + 1, 2), block)
            x = stage(drops, scan_blocks=self.scan_blocks and train, name=f"stage{i + 1}")(x)
        return classify(self, global_avg_pool(x), train)


HE = "He et al. 2015, section 4.2 (CIFAR-10)"
HUANG = "Huang et al. 2016, section 4 (CIFAR-10)"


def _variant(blocks: int, params: int, source: str = HE, **fields: Any) -> Variant:
    return Variant(CifarResNet, params, source, {"blocks": blocks, **fields}, input_size=32)


VARIANTS = {
    "resnet20": _variant(3, 269_722),
    "resnet32": _variant(5, 464_154),
    "resnet44": _variant(7, 658_586),
    "resnet56": _variant(9, 853_018),
    "resnet110": _variant(18, 1_727_962),
    "resnet110_sd": _variant(18, 1_727_962, HUANG, stochastic_depth=0.5),
}
