"""What several commands share: a model by name, its weights and the shape of its input."""

from pathlib import Path
from typing import Annotated, Any

import tyro
from flax import linen as nn

from jaxcnn.models import create_model, model_info
from jaxcnn.typing import Variables
from jaxcnn.weights import WeightSet, load_pretrained
from jaxcnn.weights.local import Own, load_own

Name = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
Json = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(name="json")]
Tag = Annotated[
    str | None, tyro.conf.arg(help="Which of the model's sets of weights; by default the best.")
]
OwnWeights = Annotated[
    Path | None,
    tyro.conf.arg(
        metavar="FILE",
        help="Weights of your own for this model: .pth, .safetensors, or final.npz of a run.",
    ),
]
ClassNames = Annotated[
    Path | None,
    tyro.conf.arg(
        metavar="FILE", help="With weights of your own, the names of the classes, one a line."
    ),
]


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


def load(
    name: str, tag: str | None, weights: Path | None, classes: Path | None
) -> tuple[nn.Module, Variables, WeightSet | Own]:
    """Return a model with published weights, or with those in a file."""
    if weights is None and classes is None:
        return load_pretrained(name, tag)
    if weights is None or tag is not None:
        raise ValueError(
            "--tag chooses published weights, which know their classes; --classes names those of "
            "--weights. Fix: use --tag alone, or --weights with or without --classes"
        )
    names = classes.read_text("utf-8").splitlines() if classes else []
    return load_own(name, weights, tuple(line.strip() for line in names if line.strip()))
