"""Presets for which `transforms.npz` holds torchvision's results, see `make_transforms`."""

import pathlib
from typing import Any

FILE = pathlib.Path(__file__).parent.parent / "golden" / "transforms.npz"
STEP = 13

IMAGENET: Any = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF: Any = ((0.5,) * 3, (0.5,) * 3)

PRESETS: dict[str, tuple] = {
    # crop, resize, interpolation, mean, std
    "resnet50.IMAGENET1K_V1": (224, 256, "bilinear", *IMAGENET),
    "resnet50.IMAGENET1K_V2": (224, 232, "bilinear", *IMAGENET),
    "inception_v3.IMAGENET1K_V1": (299, 342, "bilinear", *IMAGENET),
    "efficientnet_b3.IMAGENET1K_V1": (300, 320, "bicubic", *IMAGENET),
    "efficientnet_v2_l.IMAGENET1K_V1": (480, 480, "bicubic", *HALF),
    "smaller": (32, 37, "bilinear", *IMAGENET),
    "smaller_bicubic": (24, 31, "bicubic", *HALF),
}
