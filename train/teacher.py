"""The network whose odds are learnt, with its weights."""

from pathlib import Path

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn import weights
from jaxcnn.models import create_model
from jaxcnn.typing import Variables
from train.config import Config, Model
from train.errors import UserError
from train.pretrained import SUFFIXES, expect_fit, read


def make_teacher(
    config: Config, classes: int, shape: tuple[int, int, int]
) -> tuple[nn.Module | None, Variables]:
    """Return the teacher and its variables; None and nothing where the config names none.

    Unlike a student, it must fit the classes and channels as it is: a new head knows nothing.

    Args:
        config: The run.
        classes: Number of classes of the student.
        shape: Height, width and channels of the images.
    """
    loss = config.loss
    if not loss.teacher:
        return None, {}
    source, fields = loss.teacher_weights, loss.teacher_fields
    try:
        model = create_model(
            loss.teacher, num_classes=classes, dtype=jnp.dtype(config.model.dtype), **fields
        )
        if Path(source).suffix in SUFFIXES:
            variables = read(Model(loss.teacher, fields=fields), source)
        else:
            tag = None if source == "true" else source
            _, variables, _ = weights.load_pretrained(loss.teacher, tag, **fields)
        expect_fit(variables, model, shape)
    except (ValueError, TypeError, OSError) as error:
        raise UserError(f"--loss.teacher {loss.teacher}: {error}") from error
    return model, variables
