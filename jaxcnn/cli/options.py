"""What several commands share: a model by name and the shape of its input."""

from typing import Annotated, Any

import tyro
from flax import linen as nn

from jaxcnn.models import create_model, model_info

Name = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
Json = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(name="json")]


def model_and_shape(
    name: str, size: int | None, channels: int | None, num_classes: int | None
) -> tuple[nn.Module, tuple[int, int, int]]:
    """Return a model and the shape of one image; None takes what is usual for the model."""
    info = model_info(name)
    given: dict[str, Any] = {} if num_classes is None else {"num_classes": num_classes}
    edge = info.input_size if size is None else size
    return create_model(name, **given), (
        edge,
        edge,
        info.channels if channels is None else channels,
    )
