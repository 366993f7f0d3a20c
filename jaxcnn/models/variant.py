"""What the registry knows of a model: how it is built, and the figures that prove it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from flax import linen as nn


@dataclasses.dataclass(frozen=True)
class Variant:
    """One row of a family's table.

    Attributes:
      family: The Linen class.
      params: Trainable parameters with the default fields.
      source: Authors, year, and title or place in the paper.
      fields: Fields of the class in which this variant differs from its defaults.
      input_size: Height and width of the images of the paper, or of torchvision's weights.
      channels: Channels of these images.
    """

    family: type[nn.Module]
    params: int
    source: str
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    input_size: int = 224
    channels: int = 3


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What `jaxcnn.model_info` tells of a model.

    Attributes:
      name: Name in the registry.
      family: Name of the Linen class.
      params: Trainable parameters with the default fields.
      macs: Multiply-adds of convolutions and linear layers for one usual image, in evaluation.
      input_size: Usual height and width of the images, in pixels.
      min_size: Smallest height and width that the architecture can take.
      channels: Usual channels of the images.
      num_classes: Classes of the default head.
      source: Authors, year, and title or place in the paper.
      fields: All fields of the class with their values for this model.

    Example:
      >>> from jaxcnn import model_info
      >>> model_info("resnet20").fields["blocks"]
      3
    """

    name: str
    family: str
    params: int
    macs: int
    input_size: int
    min_size: int
    channels: int
    num_classes: int
    source: str
    fields: Mapping[str, Any]
