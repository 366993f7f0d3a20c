"""GoogLeNet (Szegedy et al. 2014), as torchvision has it and as the paper has it."""

from typing import Any

from flax import linen as nn

from jaxcnn import ops
from jaxcnn.blocks import ConvStep, GoogLeNetAux, PoolStep, avg_pool_to_4x4, inception_v1
from jaxcnn.models.auxiliary import AuxStep
from jaxcnn.models.inception import Inception
from jaxcnn.models.initializers import lecun_uniform, normal_001
from jaxcnn.models.variant import Variant

# 3x3 at stride 2 where a last window may hang over: Caffe's and PyTorch's ceil mode.
POOL = PoolStep("max", stride=2, padding=((0, 1), (0, 1)))
POOL_2X2 = PoolStep("max", stride=2, padding=((0, 1), (0, 1)), window=2)

# The paper's table 1: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection.
ROWS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def aux_4x4(model: Any, train: bool, **wiring: Any) -> nn.Module:
    """Return torchvision's head, which takes maps of any size from 4x4 on."""
    options = {"pool": avg_pool_to_4x4, "kernel_init": model.kernel_init, **wiring}
    return GoogLeNetAux(
        model.num_classes, dropout=model.aux_dropout, deterministic=not train, **options
    )


def aux_14x14(model: Any, train: bool, **wiring: Any) -> nn.Module:
    """Return the paper's head, which takes maps that 5x5 averages at stride 3 make 4x4."""
    options = {"kernel_init": model.kernel_init, **wiring}
    return GoogLeNetAux(
        model.num_classes, dropout=model.aux_dropout, deterministic=not train, **options
    )


def blocks(stage: str, size: int) -> tuple[tuple[str, Any], ...]:
    """Return the blocks of a stage, whose "5x5" is of a size.

    >>> [name for name, _ in blocks("5", 5)]
    ['inception5a', 'inception5b']
    """
    rows = {name: row for name, row in ROWS.items() if name.startswith(stage)}
    return tuple((f"inception{name}", inception_v1(*row, size=size)) for name, row in rows.items())


def with_heads(stage4: tuple[tuple[str, Any], ...], head: Any) -> tuple[tuple[str, Any], ...]:
    """Return stage 4 with auxiliary heads after its first and its fourth block."""
    aux = AuxStep(head, 14)
    return (*stage4[:1], ("aux1", aux), *stage4[1:4], ("aux2", aux), *stage4[4:])


GOOGLENET = (
    ("conv1", ConvStep(64, 7, stride=2)),
    ("pool1", POOL),
    ("conv2", ConvStep(64)),
    ("conv3", ConvStep(192, 3)),
    ("pool2", POOL),
    *blocks("3", 3),
    ("pool3", POOL),
    *with_heads(blocks("4", 3), aux_4x4),
    ("pool4", POOL_2X2),
    *blocks("5", 3),
)
GOOGLENET_PAPER = (
    ("conv1", ConvStep(64, 7, stride=2)),
    ("pool1", POOL),
    ("lrn1", ops.local_response_norm),
    ("conv2", ConvStep(64)),
    ("conv3", ConvStep(192, 3)),
    ("lrn2", ops.local_response_norm),
    ("pool2", POOL),
    *blocks("3", 5),
    ("pool3", POOL),
    *with_heads(blocks("4", 5), aux_14x14),
    ("pool4", POOL),
    *blocks("5", 5),
)

VARIANTS = {
    # Without its auxiliary heads: 6,624,904. torchvision's initialiser is cut, at 200 deviations.
    "googlenet": Variant(
        Inception,
        13_004_888,
        "Szegedy et al. 2014; batch norm and 3x3 for 5x5 as in torchvision",
        {"steps": GOOGLENET, "kernel_init": normal_001},
    ),
    # Without its auxiliary heads: 6,998,552. The paper names no initialiser; the network was
    # released with Caffe's "xavier".
    "googlenet_paper": Variant(
        Inception,
        13_378_280,
        "Szegedy et al. 2014, table 1",
        {
            "steps": GOOGLENET_PAPER,
            "norm": None,
            "dropout": 0.4,
            "kernel_init": lecun_uniform,
        },
    ),
}
