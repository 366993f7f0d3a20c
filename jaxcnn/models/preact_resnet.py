"""Residual networks whose blocks begin with the activation (He et al. 2016), and wide ones."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import (
    ConvNormAct,
    NormAct,
    PreactBasicBlock,
    PreactBottleneck,
    ResidualStage,
    shortcut_a,
    shortcut_b,
)
from jaxcnn.checks import Report
from jaxcnn.models.initializers import he_fan_out
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import bound, classify, recomputed, stage_rates
from jaxcnn.models.variant import Variant
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array, Dtype


class PreactResNet(nn.Module):
    """The pre-activation residual network: nothing but additions from the stem to the end.

    ```
    stem - stage1 - stage2/2 - stage3/2 [- stage4/2] - last: norm, act - mean - fc(K)
    ```

    The stem is activated once, before the two paths of the first block part, and the sum of
    the last block once more (He et al. 2016, appendix). For large images it is a 7x7 of
    stride 2 and a max-pooling, for small ones a 3x3 alone. A Wide ResNet WRN-d-k is the small
    one with basic blocks, `widen=k` and n = (d - 4) / 6 blocks a stage (Zagoruyko & Komodakis
    2016, table 1); its paper's rate of `block_dropout` is 0.3 for CIFAR-10 and -100.
    Convolutions start as in He et al. 2015b (normal), the last layer as in Flax (LeCun's).

    Attributes:
      blocks: Blocks of each stage.
      num_classes: Number of classes K; 0 returns the averaged features.
      bottleneck: Whether blocks are bottlenecks, of depth 3, or basic ones, of depth 2.
      small_images: Whether the stem is that for 32x32 images.
      width: Features of the stem.
      widen: How many times wider than the stem the inside of the first stage is.
      shortcut: Where the shape changes, as `jaxcnn.blocks.shortcut_b`.
      block_dropout: Share dropped between a basic block's convolutions in training, in [0, 1).
      stochastic_depth: Probability that training drops the last block's branch, in [0, 1];
        it grows linearly from the first block on.
      dropout: Share of the averaged features dropped in training, in [0, 1).
      zero_init: Whether the last kernel of each block starts at 0 (no norm follows it).
      remat: Whether the backward pass recomputes each block rather than keep its activations.
      scan_blocks: Whether training runs the equal blocks of a stage as one loop: it compiles
        once, and each step takes longer. Variables are the same.
      norm: What makes a norm, called `norm(use_running_average=..., dtype=..., name=...)(x)`.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: He et al. 2016, "Identity mappings in deep residual networks".

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((2, 32, 32, 3))
      >>> wrn = PreactResNet((2, 2, 2), 10, bottleneck=False, small_images=True, width=16, widen=8)
      >>> variables = jax.eval_shape(wrn.init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      10961370
    """

    blocks: tuple[int, ...] = (3, 4, 6, 3)
    num_classes: int = 1000
    bottleneck: bool = True
    small_images: bool = False
    width: int = 64
    widen: int = 1
    shortcut: Callable[..., Array] = shortcut_b
    block_dropout: float = 0.0
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
        check_images("preact_resnet", x, self.min_size, "stem")
        conv, norm = bound(self, train, kernel_init=he_fan_out)
        wiring = {"conv": conv, "norm": norm, "act": self.act}
        block = self._block(train, **wiring)
        kernel, stride = ((3, 3), 1) if self.small_images else ((7, 7), 2)
        x = ConvNormAct(self.width, kernel, stride, **wiring, name="stem")(x)
        if not self.small_images:
            x = layers.max_pool(x, (3, 3), (2, 2), 1)
        features = self.width * self.widen * (PreactBottleneck.expansion if self.bottleneck else 1)
        rates = stage_rates(self.stochastic_depth, self.blocks)
        for i, (count, drops) in enumerate(zip(self.blocks, rates, strict=True)):
            first = partial(block, activated=True) if i == 0 else None
            stage = partial(ResidualStage, count, features * 2**i, min(i + 1, 2), block, drops)
            x = stage(first, scan_blocks=self.scan_blocks and train, name=f"stage{i + 1}")(x)
        x = NormAct(norm, self.act, name="last")(x)
        return classify(self, global_avg_pool(x), train)

    def _block(self, train: bool, **wiring: Any) -> Callable[..., Any]:
        """Return the constructor of a block."""
        report = Report("preact_resnet")
        rule = "must be 0 in bottlenecks, which have one 3x3 and no place for it"
        meant = not (self.bottleneck and self.block_dropout)
        fix = "use bottleneck=False, or dropout or stochastic_depth"
        report.expect(meant, "block_dropout", self.block_dropout, rule, fix)
        rule, fix = (
            "must be False with block_dropout, which a loop would draw once",
            "use one of them",
        )
        report.expect(not (self.scan_blocks and self.block_dropout), "scan_blocks", True, rule, fix)
        report.done()
        return partial(
            recomputed(PreactBottleneck if self.bottleneck else PreactBasicBlock, self.remat),
            shortcut=self.shortcut,
            zero_init=self.zero_init,
            deterministic=not train,
            **({} if self.bottleneck else {"dropout": self.block_dropout}),
            **wiring,
        )


HE = "He et al. 2016"
WIDE = "Zagoruyko & Komodakis 2016"


def _large(blocks: tuple[int, ...], params: int, source: str) -> Variant:
    return Variant(PreactResNet, params, source, {"blocks": blocks})


def _small(blocks: int, params: int, source: str, **fields: Any) -> Variant:
    table = {"blocks": (blocks,) * 3, "num_classes": 10, "small_images": True, "width": 16}
    return Variant(PreactResNet, params, source, {**table, **fields}, input_size=32)


def _wide(blocks: int, widen: int, params: int, place: str) -> Variant:
    return _small(blocks, params, f"{WIDE}, {place}", bottleneck=False, widen=widen)


VARIANTS = {
    "preact_resnet50": _large((3, 4, 6, 3), 25_549_352, f"{HE}, with the blocks of He et al. 2015"),
    "preact_resnet101": _large((3, 4, 23, 3), 44_541_480, f"{HE}, table 5"),
    "preact_resnet152": _large((3, 8, 36, 3), 60_185_128, f"{HE}, table 5"),
    "preact_resnet200": _large((3, 24, 36, 3), 64_666_152, f"{HE}, table 5"),
    "preact_resnet110": _small(
        18, 1_727_962, f"{HE}, table 2", bottleneck=False, shortcut=shortcut_a
    ),
    "preact_resnet164": _small(18, 1_703_258, f"{HE}, table 3"),
    "preact_resnet1001": _small(111, 10_327_706, f"{HE}, table 3"),
    "wrn_16_8": _wide(2, 8, 10_961_370, "table 5"),
    "wrn_28_10": _wide(4, 10, 36_479_194, "table 5"),
    "wrn_40_4": _wide(6, 4, 8_949_210, "table 5"),
}
