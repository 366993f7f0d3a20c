"""Inception-v3 (Szegedy et al. 2015), as in torchvision."""

from typing import Any

from flax import linen as nn

from jaxcnn.blocks import (
    ConvStep,
    InceptionV3Aux,
    PoolStep,
    inception_a,
    inception_b,
    inception_c,
    inception_d,
    inception_e,
)
from jaxcnn.models.auxiliary import AuxStep
from jaxcnn.models.inception import Inception
from jaxcnn.models.initializers import normal_01
from jaxcnn.models.variant import Variant

POOL = PoolStep("max", stride=2, padding=0)


def aux_17x17(model: Any, train: bool, **wiring: Any) -> nn.Module:
    """Return the head beside the last 17x17 maps."""
    return InceptionV3Aux(model.num_classes, **wiring)


# The paper's table 1; torchvision's names, after the TensorFlow release, without the sizes.
INCEPTION_V3 = (
    ("conv1a", ConvStep(32, 3, stride=2, padding=0)),
    ("conv2a", ConvStep(32, 3, padding=0)),
    ("conv2b", ConvStep(64, 3)),
    ("pool1", POOL),
    ("conv3b", ConvStep(80, padding=0)),
    ("conv4a", ConvStep(192, 3, padding=0)),
    ("pool2", POOL),
    ("mixed5b", inception_a(32)),
    ("mixed5c", inception_a(64)),
    ("mixed5d", inception_a(64)),
    ("mixed6a", inception_b()),
    ("mixed6b", inception_c(128)),
    ("mixed6c", inception_c(160)),
    ("mixed6d", inception_c(160)),
    ("mixed6e", inception_c(192)),
    ("aux", AuxStep(aux_17x17, 17)),
    ("mixed7a", inception_d()),
    ("mixed7b", inception_e()),
    ("mixed7c", inception_e()),
)

VARIANTS = {
    # Without its auxiliary head: 23,834,568. torchvision's initialiser is cut, at 20 deviations.
    "inception_v3": Variant(
        Inception,
        27_161_264,
        "Szegedy et al. 2015, table 1",
        {"steps": INCEPTION_V3, "dropout": 0.5, "kernel_init": normal_01},
        input_size=299,
    ),
}
