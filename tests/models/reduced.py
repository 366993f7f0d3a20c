"""One reduced variant of each family: small enough to compile, whole enough to be the family.

A row: registry name, fields that shrink it, input shape (H, W, C).
"""

from typing import NamedTuple

from flax import linen as nn

from jaxcnn.blocks import ConvStep, inception_v1
from jaxcnn.models.auxiliary import AuxStep
from jaxcnn.models.googlenet import POOL, aux_4x4
from jaxcnn.models.initializers import he_fan_in
from jaxcnn.models.resnet import ResNet

INCEPTION = (
    ("conv1", ConvStep(4, 3)),
    ("pool1", POOL),
    ("inception3a", inception_v1(4, 2, 4, 2, 4, 4)),
    ("aux1", AuxStep(aux_4x4, 4)),
)
# Leaky: in so narrow a decoder all channels may be dead.
BACKBONE = ResNet(blocks=(1,), width=4, bottleneck=False, act=nn.leaky_relu)


class Reduced(NamedTuple):
    name: str
    fields: dict
    shape: tuple[int, int, int] = (32, 32, 3)


LEAKY = {"act": nn.leaky_relu}
"""For networks so narrow that all their channels may be dead."""

REDUCED = {
    "mlp": Reduced("mlp", {"hidden": [6]}, (5, 5, 1)),
    "lenet": Reduced("lenet5", {}, (16, 16, 1)),
    "lenet_paper": Reduced("lenet5_paper", {"hidden": [8, 84]}, (16, 16, 1)),
    "allcnn": Reduced("allcnn_c", {"width": 8}, (9, 9, 3)),
    "alexnet": Reduced(
        "alexnet_paper",
        {
            "convs": [
                [4, 5, 2, 0, 1, 0.0, ["lrn", "pool"]],
                [8, 3, 1, 1, 2, 1.0, ["pool", "lrn"]],
            ],
            "grid": 1,
            "hidden": [8, 8],
            "kernel_init": he_fan_in,
        },
        (17, 17, 3),
    ),
    "vgg": Reduced(
        "vgg11_bn", {"stages": [1, 2], "width": 4, "grid": 2, "hidden": [8, 8]}, (8, 8, 3)
    ),
    "inception": Reduced("googlenet", {"steps": INCEPTION, "kernel_init": he_fan_in}, (8, 8, 3)),
    "squeezenet": Reduced(
        "squeezenet1_1", {"stem": 8, "squeeze": [2, 4], "pools": [1, 3]}, (17, 17, 3)
    ),
    "convnet": Reduced(
        "convnet", {"stages": [[4, 1, True], [6, 1, True]], "hidden": [8]}, (8, 8, 1)
    ),
    "shufflenet_v2": Reduced(
        "shufflenet_v2_x0_5",
        {"blocks": [2], "widths": [8], "stem": 4, "top": 8, "act": nn.leaky_relu},
        (8, 8, 3),
    ),
    "convnext": Reduced(
        "convnext_tiny", {"blocks": [1, 1], "widths": [4, 6], "layer_scale": 0.5}, (8, 8, 3)
    ),
    "mobilenet_v2": Reduced(
        "mobilenet_v2",
        {"stages": [[1, 3, 1, 4, 1], [2, 3, 2, 6, 2]], "stem": 4, "top": 8},
        (8, 8, 3),
    ),
    "mobilenet_v3": Reduced(
        "mobilenet_v3_small",
        {
            "stages": [[[3, 4, 4, True, False, 1]], [[3, 8, 6, False, True, 2]]],
            **{"stem": 4, "top": 8, "fc": 8},
        },
        (8, 8, 3),
    ),
    "mnasnet": Reduced(
        "mnasnet0_5",
        {"stages": [[1, 3, 1, 4, 1], [3, 3, 2, 6, 1]], "stem": 4, "top": 32},
        (8, 8, 3),
    ),
    "efficientnet": Reduced(
        "efficientnet_b0",
        {"stages": [[1, 3, 1, 4, 1, True], [2, 3, 2, 8, 2]], "stem": 4, "top": 8},
        (8, 8, 3),
    ),
    "resnet": Reduced("resnet50", {"blocks": [1, 1], "width": 4, **LEAKY}, (8, 8, 3)),
    "preact_resnet": Reduced(
        "wrn_16_8", {"blocks": [1, 2], "width": 4, "widen": 1, "bottleneck": True}, (8, 8, 3)
    ),
    "densenet": Reduced(
        "densenet121", {"blocks": [2, 1], "growth_rate": 4, "stem_features": 4}, (9, 9, 3)
    ),
    "unet": Reduced("unet", {"depth": 1, "width": 4}, (18, 18, 1)),
    "backbone_unet": Reduced(
        "unet_resnet18",
        {"backbone": BACKBONE, "depth": 2, "width": 4, "act": nn.leaky_relu},
        (6, 6, 3),
    ),
    "regnet": Reduced(
        "regnet_y_400mf",
        {"depth": 2, "w_0": 8, "w_a": 8.0, "group_width": 4, "stem_width": 4, **LEAKY},
        (8, 8, 3),
    ),
    "cifar_resnet": Reduced("resnet20", {"blocks": 1, "width": 4}, (8, 8, 3)),
}
