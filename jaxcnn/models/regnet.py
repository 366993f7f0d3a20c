"""RegNet: networks whose stages follow a line (Radosavovic et al. 2020)."""

import math
from collections.abc import Callable
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import Bottleneck, ConvNormAct, ResidualStage
from jaxcnn.checks import Report
from jaxcnn.models.initializers import he_fan_out, normal_001
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import bound, classify, recomputed, stage_rates
from jaxcnn.models.variant import Variant
from jaxcnn.models.widths import make_divisible
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array, Dtype


class StageSpec(NamedTuple):
    """One stage: blocks in a row, of equal features, in groups of equal width."""

    blocks: int
    features: int
    group_width: int


def stages_of(
    depth: int, w_0: int, w_a: float, w_m: float, group_width: int
) -> tuple[StageSpec, ...]:
    """Return the stages that a quantised line gives.

    Block j of d should have `u_j = w_0 + w_a j` features; it gets `w_0 w_m^round(s_j)`, where
    `u_j = w_0 w_m^s_j`, in multiples of 8. Blocks of equal width form a stage, of which the
    width becomes a multiple of its group width. That is torchvision's `make_divisible`; the
    paper's code takes the nearest even multiple on ties and never goes up by more, so four of
    its stages are thinner: the last of X-400MF (384, here 400), the second and last of Y-800MF
    (128, 768, here 144, 784) and the first of Y-8GF (168, here 224).

    Args:
      depth: Blocks d of the whole network, >= 1.
      w_0: Width where the line begins, a positive multiple of 8.
      w_a: Slope of the line, >= 0.
      w_m: Factor between the widths of stages, > 1.
      group_width: Channels of one group.

    Returns:
      The stages; no group is wider than its stage.

    Raises:
      ValueError: If an argument is out of range.

    Source: Radosavovic et al. 2020, "Designing network design spaces", equations 2 to 4.

    >>> for stage in stages_of(depth=22, w_0=24, w_a=24.48, w_m=2.54, group_width=16):
    ...     print(*stage)
    1 32 16
    2 64 16
    7 160 16
    12 400 16
    """
    _check_line(depth, w_0, w_a, w_m, group_width)
    steps = (round(math.log1p(w_a * j / w_0) / math.log(w_m)) for j in range(depth))
    widths = (8 * round(w_0 * w_m**step / 8) for step in steps)
    counted = [(width, len(list(same))) for width, same in groupby(widths)]
    groups = [min(group_width, width) for width, _ in counted]
    return tuple(
        StageSpec(blocks, make_divisible(width, group), group)
        for (width, blocks), group in zip(counted, groups, strict=True)
    )


def _check_line(depth: int, w_0: int, w_a: float, w_m: float, group_width: int) -> None:
    report = Report("regnet")
    report.count("depth", depth)
    report.count("w_0", w_0)
    report.count("group_width", group_width)
    if not report.problems:
        fix = f"use {-(-w_0 // 8) * 8}"
        report.expect(w_0 % 8 == 0, "w_0", w_0, "must be a multiple of 8", fix)
    report.expect(w_a >= 0, "w_a", w_a, "must be >= 0: widths never fall", "use the paper's slope")
    report.expect(w_m > 1, "w_m", w_m, "must be > 1: stages grow", "use 2 to 3, as the paper does")
    report.done()


class RegNet(nn.Module):
    """RegNetX, and with squeeze and excitation RegNetY: stem, stages of bottlenecks, mean, fc.

    ```
    conv3x3(32)/2 - stage1/2 - stage2/2 - stage3/2 - stage4/2 - mean - fc(K)
    ```

    Bottlenecks are as wide inside as outside, with group convolutions. The stages are those of
    `stages_of(depth, w_0, w_a, w_m, group_width)`. Initialisers are torchvision's, and the
    paper's: convolutions normal with He's deviation, the last layer normal with 0.01.

    Attributes:
      num_classes: Number of classes K; 0 returns the averaged features.
      depth: Blocks of the whole network.
      w_0: Width where the line begins, a multiple of 8.
      w_a: Slope of the line.
      w_m: Factor between the widths of stages.
      group_width: Channels of one group of the 3x3.
      squeeze_ratio: Share of a block's input to which squeeze and excitation goes down; 0: none.
      stem_width: Features of the stem.
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

    Source: Radosavovic et al. 2020, sections 3.3 and 4, tables of the appendix.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((2, 64, 64, 3))
      >>> variables = jax.eval_shape(RegNet().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      5495976
    """

    num_classes: int = 1000
    depth: int = 22
    w_0: int = 24
    w_a: float = 24.48
    w_m: float = 2.54
    group_width: int = 16
    squeeze_ratio: float = 0.0
    stem_width: int = 32
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
        check_images("regnet", x, self.min_size, "stem")
        stages = stages_of(self.depth, self.w_0, self.w_a, self.w_m, self.group_width)
        conv, norm = bound(self, train, kernel_init=he_fan_out)
        wiring = {"conv": conv, "norm": norm, "act": self.act}
        block = partial(
            recomputed(Bottleneck, self.remat),
            squeeze_ratio=self.squeeze_ratio,
            zero_init=self.zero_init,
            deterministic=not train,
            **wiring,
        )
        x = ConvNormAct(self.stem_width, (3, 3), 2, **wiring, name="stem")(x)
        rates = stage_rates(self.stochastic_depth, [stage.blocks for stage in stages])
        for i, ((count, features, group), drops) in enumerate(zip(stages, rates, strict=True), 1):
            inside = partial(block, hidden=features, groups=features // group)
            stage = partial(ResidualStage, count, features, 2, inside, drops)
            x = stage(scan_blocks=self.scan_blocks and train, name=f"stage{i}")(x)
        return classify(self, global_avg_pool(x), train, kernel_init=normal_001)


def _variants(kind: str, ratio: float, rows: dict[str, tuple]) -> dict[str, Variant]:
    names = ("depth", "w_0", "w_a", "w_m", "group_width")
    fields = {
        size: {**dict(zip(names, line, strict=True)), "squeeze_ratio": ratio}
        for size, (_, *line) in rows.items()
    }
    source = f"Radosavovic et al. 2020, RegNet{kind.upper()} of the appendix"
    return {
        f"regnet_{kind}_{size}": Variant(RegNet, row[0], source, fields[size])
        for size, row in rows.items()
    }


# Size in multiply-adds: parameters, depth, w_0, w_a, w_m, group width.
X_ROWS = {
    "400mf": (5_495_976, 22, 24, 24.48, 2.54, 16),
    "800mf": (7_259_656, 16, 56, 35.73, 2.28, 16),
    "1_6gf": (9_190_136, 18, 80, 34.01, 2.25, 24),
    "3_2gf": (15_296_552, 25, 88, 26.31, 2.25, 48),
    "8gf": (39_572_648, 23, 80, 49.56, 2.88, 120),
    "16gf": (54_278_536, 22, 216, 55.59, 2.1, 128),
    "32gf": (107_811_560, 23, 320, 69.86, 2.0, 168),
}
Y_ROWS = {
    "400mf": (4_344_144, 16, 48, 27.89, 2.09, 8),
    "800mf": (6_432_512, 14, 56, 38.84, 2.4, 16),
    "1_6gf": (11_202_430, 27, 48, 20.71, 2.65, 24),
    "3_2gf": (19_436_338, 21, 80, 42.63, 2.66, 24),
    "8gf": (39_381_472, 17, 192, 76.82, 2.19, 56),
    "16gf": (83_590_140, 18, 200, 106.23, 2.48, 112),
    "32gf": (145_046_770, 20, 232, 115.89, 2.53, 232),
    "128gf": (644_812_894, 27, 456, 160.83, 2.52, 264),
}
VARIANTS = {**_variants("x", 0.0, X_ROWS), **_variants("y", 0.25, Y_ROWS)}
