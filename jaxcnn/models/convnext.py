"""ConvNeXt (Liu et al. 2022)."""

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import ConvNeXtBlock, ConvNormAct, Stage, exact_gelu
from jaxcnn.models.initializers import normal_002
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import bound, classify, expect_one_length, linear_rates, recomputed
from jaxcnn.models.variant import Variant
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array, Dtype


class ConvNeXt(nn.Module):
    """ConvNeXt: a residual network that took over, one by one, the choices of transformers.

    ```
    stem 4x4/4, norm -> stage1 -> down2 -> stage2 -> down3 -> stage3 -> down4 -> stage4
    -> mean -> head_norm -> head
    ```

    A stage is a row of ConvNeXt blocks; `down` is a norm and a 2x2 convolution of stride 2. All
    norms are layer norms over the channels. Kernels start from deviation 0.02.

    Attributes:
      blocks: Blocks of each stage.
      num_classes: Number of classes; 0 returns the averaged and normalised features.
      widths: Channels of each stage.
      layer_scale: First value of each branch's scale; 0 starts each block as its shortcut.
      stochastic_depth: Probability with which training drops the last block's branch, in [0, 1];
        it grows linearly from 0 at the first block.
      dropout: Share of the features dropped in training before the head, in [0, 1).
      remat: Whether the backward pass recomputes each block rather than keep its activations.
      norm: What makes a norm, called `norm(dtype=..., name=...)(x)`; see `layers.GroupNormConfig`.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Liu et al. 2022, section 3 and table 9. The paper's initialiser cuts normal numbers
    off at 2, a hundred deviations, which is never.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((2, 224, 224, 3))
      >>> variables = jax.eval_shape(ConvNeXt().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      28589128
    """

    blocks: tuple[int, ...] = (3, 3, 9, 3)
    num_classes: int = 1000
    widths: tuple[int, ...] = (96, 192, 384, 768)
    layer_scale: float = 1e-6
    stochastic_depth: float = 0.1
    dropout: float = 0.0
    remat: bool = False
    norm: Callable[..., Any] = nn.LayerNorm
    act: Callable[[Array], Array] = exact_gelu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        return 4 * 2 ** (len(self.blocks) - 1)

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C), H and W at least 32, to logits (N, num_classes)."""
        expect_one_length("convnext", blocks=self.blocks, widths=self.widths)
        last = f"down{len(self.blocks)}" if len(self.blocks) > 1 else "stem"
        check_images("convnext", x, self.min_size, last)
        conv, norm = bound(self, train, kernel_init=normal_002)
        stem = partial(ConvNormAct, padding=0, use_bias=True, conv=conv, norm=norm, act=None)
        x = stem(self.widths[0], 4, 4, name="stem")(x)
        rates = iter((0.0, *linear_rates(self.stochastic_depth, sum(self.blocks) - 1)))
        for i, (depth, width) in enumerate(zip(self.blocks, self.widths, strict=True), 1):
            if i > 1:
                x = Downsample(width, conv, norm, name=f"down{i}")(x)
            block = partial(
                recomputed(ConvNeXtBlock, self.remat),
                width,
                layer_scale=self.layer_scale,
                conv=conv,
                norm=norm,
                act=self.act,
                kernel_init=normal_002,
                deterministic=not train,
                dtype=self.dtype,
            )
            stage = tuple(partial(block, stochastic_depth=r) for r in islice(rates, depth))
            x = Stage(stage, name=f"stage{i}")(x)
        x = norm(name="head_norm")(global_avg_pool(x))
        return classify(self, x, train, kernel_init=normal_002)


class Downsample(nn.Module):
    """A norm and a 2x2 convolution of stride 2, between two stages."""

    features: int
    conv: Callable[..., Any]
    norm: Callable[..., Any]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H // 2, W // 2, features)."""
        x = self.norm(name="norm")(x)
        return self.conv(self.features, (2, 2), strides=(2, 2), padding="VALID", name="conv")(x)


def _variant(blocks: tuple[int, ...], width: int, stochastic_depth: float, params: int) -> Variant:
    fields = {
        "blocks": blocks,
        "widths": tuple(width * 2**i for i in range(len(blocks))),
        "stochastic_depth": stochastic_depth,
    }
    return Variant(ConvNeXt, params, "Liu et al. 2022, section 3", fields)


VARIANTS = {
    "convnext_tiny": _variant((3, 3, 9, 3), 96, 0.1, 28_589_128),
    "convnext_small": _variant((3, 3, 27, 3), 96, 0.4, 50_223_688),
    "convnext_base": _variant((3, 3, 27, 3), 128, 0.5, 88_591_464),
    "convnext_large": _variant((3, 3, 27, 3), 192, 0.5, 197_767_336),
}
