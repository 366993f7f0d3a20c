"""Residual networks for ImageNet (He et al. 2015), with ResNeXt and Wide ResNet in one table."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import BasicBlock, Bottleneck, ConvNormAct, ResidualStage
from jaxcnn.checks import Report
from jaxcnn.models.initializers import he_fan_out, normal_001
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import bound, classify, recomputed, stage_rates
from jaxcnn.models.variant import Variant
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array, Dtype


class ResNet(nn.Module):
    """The residual network for large images: stem, four stages of blocks, mean, linear layer.

    ```
    conv7x7(64)/2 - maxpool3x3/2 - stage1(256) - stage2(512)/2 - stage3(1024)/2 - stage4(2048)/2
    - mean - fc(K)
    ```

    with bottlenecks; basic blocks have 64, 128, 256 and 512 features. The maps after `stem`,
    `stage1`, ..., `stage4` are smaller than the image by 2, 4, 8, 16 and 32. As in
    torchvision, a bottleneck has its stride in the 3x3 (the paper: in the first 1x1).
    Convolutions start as in the paper (normal, He et al. 2015b); the last layer normal with
    deviation 0.01 and `zero_init` as in Goyal et al. 2017, section 5.1.

    Attributes:
      blocks: Blocks of each stage.
      num_classes: Number of classes K; 0 returns the averaged features.
      bottleneck: Whether blocks are bottlenecks, of depth 3, or basic ones, of depth 2.
      width: Features of the stem, and of the inside of the first stage's plain blocks.
      groups: Groups of a bottleneck's 3x3 (cardinality).
      base_width: Channels of one such group in a first stage of width 64.
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

    Source: He et al. 2015, "Deep residual learning for image recognition", table 1; Xie et al.
    2017, "Aggregated residual transformations", table 1; Zagoruyko & Komodakis 2016, "Wide
    residual networks", section 3.3.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((2, 64, 64, 3))
      >>> model = ResNet(blocks=(2, 2, 2, 2), bottleneck=False)
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      11689512
    """

    blocks: tuple[int, ...] = (3, 4, 6, 3)
    num_classes: int = 1000
    bottleneck: bool = True
    width: int = 64
    groups: int = 1
    base_width: int = 64
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
        check_images("resnet", x, self.min_size, "stem")
        conv, norm = bound(self, train, kernel_init=he_fan_out)
        wiring = {"conv": conv, "norm": norm, "act": self.act}
        options = {"zero_init": self.zero_init, "deterministic": not train, **wiring}
        block = partial(recomputed(self._block(), self.remat), **self._widths(), **options)
        x = ConvNormAct(self.width, (7, 7), 2, **wiring, name="stem")(x)
        x = layers.max_pool(x, (3, 3), (2, 2), 1)
        features = self.width * (Bottleneck.expansion if self.bottleneck else 1)
        rates = stage_rates(self.stochastic_depth, self.blocks)
        for i, (count, drops) in enumerate(zip(self.blocks, rates, strict=True)):
            stage = partial(ResidualStage, count, features * 2**i, min(i + 1, 2), block, drops)
            x = stage(scan_blocks=self.scan_blocks and train, name=f"stage{i + 1}")(x)
        return classify(self, global_avg_pool(x), train, kernel_init=normal_001)

    def _block(self) -> type[nn.Module]:
        return Bottleneck if self.bottleneck else BasicBlock

    def _widths(self) -> dict[str, int]:
        """Return what only bottlenecks are told."""
        widths = {"groups": self.groups, "base_width": self.base_width}
        if self.bottleneck:
            return widths
        report, neutral = Report("resnet"), {"groups": 1, "base_width": 64}
        for name, value in widths.items():
            rule = f"must be {neutral[name]} in basic blocks, which have no such width"
            report.expect(value == neutral[name], name, value, rule, "use bottleneck=True")
        report.done()
        return {}


HE = "He et al. 2015, table 1"
XIE = "Xie et al. 2017, table 1"
WIDE = "Zagoruyko & Komodakis 2016, section 3.3"


def _variant(blocks: tuple[int, ...], params: int, source: str, **fields: Any) -> Variant:
    return Variant(ResNet, params, source, {"blocks": blocks, **fields})


VARIANTS = {
    "resnet18": _variant((2, 2, 2, 2), 11_689_512, HE, bottleneck=False),
    "resnet34": _variant((3, 4, 6, 3), 21_797_672, HE, bottleneck=False),
    "resnet50": _variant((3, 4, 6, 3), 25_557_032, HE),
    "resnet101": _variant((3, 4, 23, 3), 44_549_160, HE),
    "resnet152": _variant((3, 8, 36, 3), 60_192_808, HE),
    "resnet200": _variant((3, 24, 36, 3), 64_673_832, "He et al. 2016, table 5"),
    "resnext50_32x4d": _variant((3, 4, 6, 3), 25_028_904, XIE, groups=32, base_width=4),
    "resnext101_32x8d": _variant((3, 4, 23, 3), 88_791_336, XIE, groups=32, base_width=8),
    "resnext101_64x4d": _variant((3, 4, 23, 3), 83_455_272, XIE, groups=64, base_width=4),
    "wide_resnet50_2": _variant((3, 4, 6, 3), 68_883_240, WIDE, base_width=128),
    "wide_resnet101_2": _variant((3, 4, 23, 3), 126_886_696, WIDE, base_width=128),
}
