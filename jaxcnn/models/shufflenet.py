"""ShuffleNet-v2 (Ma et al. 2018)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers, ops
from jaxcnn.blocks import ConvNormAct, ResidualStage, ShuffleUnit
from jaxcnn.models.initializers import torch_uniform
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import Named, bound, classify, expect_one_length, recomputed
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


class ShuffleNetV2(nn.Module):
    """ShuffleNet-v2: designed by measured time instead of counted operations.

    ```
    stem 3x3/2 -> pool 3x3/2 -> stage2 -> stage3 -> stage4 -> conv5 1x1 -> mean -> head
    ```

    Each stage is a row of shuffle units, the first of which halves the size. Stages are numbered
    as in the paper. Weights start uniformly within 1 / sqrt(fan-in), PyTorch's default, and
    biases at zero.

    Attributes:
      blocks: Units of each stage.
      num_classes: Number of classes; 0 returns the averaged features.
      widths: Channels of each stage.
      stem: Channels of the first convolution.
      top: Channels of `conv5`.
      dropout: Share of the averaged features dropped in training, in [0, 1).
      remat: Whether the backward pass recomputes each unit rather than keep its activations.
      norm: What makes a norm, called `norm(use_running_average=..., dtype=..., name=...)(x)`.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Ma et al. 2018, table 5; the widths of 2.0 are those of the released network (the
    table of the first preprint had others), as in torchvision.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((2, 224, 224, 3))
      >>> variables = jax.eval_shape(ShuffleNetV2().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      2278604
    """

    blocks: tuple[int, ...] = (4, 8, 4)
    num_classes: int = 1000
    widths: tuple[int, ...] = (116, 232, 464)
    stem: int = 24
    top: int = 1024
    dropout: float = 0.0
    remat: bool = False
    norm: Callable[..., Any] | None = layers.BatchNormConfig()
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels: padded strides never end."""
        return 1

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) of any size to logits (N, num_classes)."""
        expect_one_length("shufflenet_v2", blocks=self.blocks, widths=self.widths)
        check_images("shufflenet_v2", x, self.min_size, "stem")
        conv, norm = bound(self, train, kernel_init=torch_uniform)
        wiring = {"conv": conv, "norm": norm, "act": self.act}
        x = ConvNormAct(self.stem, 3, 2, **wiring, name="stem")(x)
        x = Named(partial(ops.max_pool, window=3, stride=2, padding=1), name="pool")(x)
        unit = partial(recomputed(ShuffleUnit, self.remat), **wiring)
        for i, (count, width) in enumerate(zip(self.blocks, self.widths, strict=True), 2):
            x = ResidualStage(count, width, 2, unit, name=f"stage{i}")(x)
        x = ConvNormAct(self.top, 1, **wiring, name="conv5")(x)
        return classify(self, ops.global_avg_pool(x), train, kernel_init=torch_uniform)


def _variant(widths: tuple[int, ...], top: int, params: int) -> Variant:
    return Variant(ShuffleNetV2, params, "Ma et al. 2018, table 5", {"widths": widths, "top": top})


VARIANTS = {
    "shufflenet_v2_x0_5": _variant((48, 96, 192), 1024, 1_366_792),
    "shufflenet_v2_x1_0": _variant((116, 232, 464), 1024, 2_278_604),
    "shufflenet_v2_x1_5": _variant((176, 352, 704), 1024, 3_503_624),
    "shufflenet_v2_x2_0": _variant((244, 488, 976), 2048, 7_393_996),
}
