"""Names of other libraries: one file a family, one explicit mapping."""

from collections.abc import Callable
from typing import Any

from jaxcnn.models.registry import MODELS
from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.names import Table
from jaxcnn.weights.tables import (
    alexnet,
    convnext,
    densenet,
    efficientnet,
    inception,
    mobilenet,
    regnet,
    resnet,
    shufflenet,
    squeezenet,
    vgg,
)

TABLES: dict[tuple[str, str], Callable[[Any], Table]] = {
    ("AlexNet", "torchvision"): alexnet.torchvision,
    ("VGG", "torchvision"): vgg.torchvision,
    ("Inception", "torchvision"): inception.torchvision,
    ("Inception", "timm"): inception.torchvision,
    ("DenseNet", "torchvision"): densenet.torchvision,
    ("DenseNet", "timm"): densenet.torchvision,
    ("SqueezeNet", "torchvision"): squeezenet.torchvision,
    ("EfficientNet", "torchvision"): efficientnet.torchvision,
    ("EfficientNet", "timm"): efficientnet.timm,
    ("EfficientNet", "efficientnet_lite_pytorch"): efficientnet.lite_pytorch,
    ("ConvNeXt", "torchvision"): convnext.torchvision,
    ("ConvNeXt", "timm"): convnext.timm,
    ("ShuffleNetV2", "torchvision"): shufflenet.torchvision,
    ("MobileNetV2", "torchvision"): mobilenet.v2_torchvision,
    ("MobileNetV2", "timm"): efficientnet.timm,
    ("MobileNetV3", "torchvision"): mobilenet.v3_torchvision,
    ("MNASNet", "torchvision"): mobilenet.mnasnet_torchvision,
    ("MNASNet", "timm"): efficientnet.timm,
    ("ResNet", "torchvision"): resnet.torchvision,
    ("ResNet", "timm"): resnet.torchvision,
    ("RegNet", "torchvision"): regnet.torchvision,
    ("RegNet", "timm"): regnet.timm,
}
"""(name of the Linen class, layout) -> a function of the model that returns its table."""


def table_of(name: str, model: Any, layout: str) -> Table:
    """Return the table of a model's names in another library.

    Raises:
      WeightsError: If that library has no such model, or none was written.
    """
    family = MODELS[name].family.__name__
    if (family, layout) not in TABLES:
        known = [other for kind, other in TABLES if kind == family]
        fix = f"use layout={' or '.join(map(repr, known))}" if known else "give our own names"
        raise WeightsError(f"{name}: no table of its {layout} names. Fix: {fix}")
    return TABLES[family, layout](model)
