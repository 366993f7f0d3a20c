"""What the networks of inverted residual blocks share: their tables, and how these are built."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from jaxcnn import layers
from jaxcnn.blocks import ConvNormAct, FusedInvertedResidual, InvertedResidual, Stage
from jaxcnn.models.initializers import he_fan_out
from jaxcnn.models.parts import bound, linear_rates, recomputed
from jaxcnn.models.widths import make_divisible
from jaxcnn.typing import Array


class Row(NamedTuple):
    """A row of the papers' tables: blocks of one width.

    Attributes:
      expansion: How many times wider than its input a block is inside.
      kernel_size: Height and width of the depthwise kernels.
      stride: Stride of the first block; the others have 1.
      features: Channels of the outputs.
      repeats: Number of blocks.
      fused: Whether one full convolution stands for expansion and depthwise convolution.
    """

    expansion: int
    kernel_size: int
    stride: int
    features: int
    repeats: int
    fused: bool = False


class Inverted(NamedTuple):
    """One inverted residual block.

    Attributes:
      features: Channels of the output.
      hidden: Channels of the inside.
      kernel_size: Height and width of the depthwise kernel.
      stride: Its stride.
      squeeze: Channels between the two layers of squeeze-and-excitation; 0 for none.
      act: Nonlinearity; None for the model's.
      fused: As in `Row`.
    """

    features: int
    hidden: int
    kernel_size: int = 3
    stride: int = 1
    squeeze: int = 0
    act: Any = None
    fused: bool = False


def expanded(
    rows: Sequence[Any], channels: int, squeeze_ratio: float = 0.0
) -> tuple[tuple[Inverted, ...], ...]:
    """Return the blocks of each row.

    Args:
      rows: Rows of the table, or tuples of their values.
      channels: Channels of the first block's input.
      squeeze_ratio: Share of a block's input channels to which squeeze-and-excitation goes down.

    >>> expanded([Row(6, 5, 2, 24, repeats=2)], 16)[0][1]
    Inverted(features=24, hidden=144, kernel_size=5, stride=1, squeeze=0, act=None, fused=False)
    """
    stages = []
    for row in (Row(*values) for values in rows):
        blocks = []
        for i in range(row.repeats):
            hidden, stride = row.expansion * channels, row.stride if i == 0 else 1
            excited = squeeze_ratio and not row.fused
            squeeze = max(1, int(channels * squeeze_ratio)) if excited else 0
            size = row.kernel_size
            blocks.append(Inverted(row.features, hidden, size, stride, squeeze, None, row.fused))
            channels = row.features
        stages.append(tuple(blocks))
    return tuple(stages)


def scaled(
    rows: Sequence[Row], width: float, depth: float = 1.0, fixed_ends: bool = False
) -> tuple[Row, ...]:
    """Return a table for a wider and deeper network (Tan & Le 2019, equation 3).

    Args:
      rows: The table of the base network.
      width: Factor of all channels.
      depth: Factor of the repeats, which are rounded up.
      fixed_ends: Whether the first and the last row keep their repeats (EfficientNet-Lite).

    >>> scaled([Row(6, 3, 2, 24, repeats=2)], 1.4, 1.8)[0][-3:]
    (32, 4, False)
    """
    ends = (0, len(rows) - 1) if fixed_ends else ()
    return tuple(
        row._replace(
            features=make_divisible(width * row.features),
            repeats=row.repeats if i in ends else math.ceil(depth * row.repeats),
        )
        for i, row in enumerate(rows)
    )


def inverted_trunk(
    model: Any,
    x: Array,
    stages: Sequence[Sequence[Inverted]],
    train: bool,
    *,
    padding: Any = None,
    **squeeze: Any,
) -> Array:
    """Return the maps that `stem`, `stage1`, `stage2`, ... and the 1x1 unit `top` make of images.

    Args:
      model: A module with the fields `stem` and `top` (their channels), `conv`, `norm`, `act`,
        `dtype`, `zero_init`, `stochastic_depth` and `remat`.
      x: Images (N, H, W, C).
      stages: The blocks of each stage.
      train: Whether norms use the batch, and blocks are dropped.
      padding: Of the stem and of depthwise convolutions: None for half the kernel, or "SAME".
      **squeeze: Options of `layers.SqueezeExcite`.
    """
    conv, norm = bound(model, train, kernel_init=he_fan_out)
    wiring = {"conv": conv, "norm": norm}
    excite = partial(layers.SqueezeExcite, conv=conv, **squeeze)
    channels, depth = model.stem, sum(map(len, stages))
    rates = iter((0.0, *linear_rates(model.stochastic_depth, depth)))
    x = ConvNormAct(model.stem, 3, 2, padding, act=model.act, **wiring, name="stem")(x)
    for i, stage in enumerate(stages):
        blocks = []
        for block in stage:
            # Without a shortcut, a scale of zero would leave the next blocks nothing.
            kept = block.stride == 1 and block.features == channels
            options = {"zero_init": model.zero_init and kept, "stochastic_depth": next(rates)}
            make = _constructor(model, block, padding, excite)
            blocks.append(partial(make, deterministic=not train, **options, **wiring))
            channels = block.features
        x = Stage(tuple(blocks), name=f"stage{i + 1}")(x)
    return ConvNormAct(model.top, 1, act=model.act, **wiring, name="top")(x)


def _constructor(model: Any, block: Inverted, padding: Any, excite: Any) -> Any:
    kind = FusedInvertedResidual if block.fused else InvertedResidual
    options: dict[str, Any] = {"hidden": block.hidden, "act": block.act or model.act}
    if not block.fused:
        options["padding"] = padding
        options["squeeze_excite"] = partial(excite, block.squeeze) if block.squeeze else None
    make = recomputed(kind, model.remat)
    return partial(make, block.features, block.kernel_size, block.stride, **options)
