"""Auxiliary heads in a model: there after any `init`, run in training, their logits in `aux`."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.typing import Array

COLLECTION = "aux"


@dataclasses.dataclass(frozen=True)
class AuxStep:
    """Where an auxiliary head reads the maps.

    Attributes:
      head: Makes the head, `head(model, train, conv=..., norm=..., act=..., name=...)`.
      size: Height and width of these maps for the usual images.
    """

    head: Callable[..., nn.Module]
    size: int


def expect_aux(model: nn.Module, x: Array, train: bool) -> None:
    """Refuse to train where the logits of the auxiliary heads would be lost without a word.

    Raises:
      ValueError: If the collection `aux` cannot be written.
    """
    if not train or model.is_initializing() or model.is_mutable_collection(COLLECTION):
        return
    report = Report(type(model).__name__, x)
    rule = f"makes logits for a loss, so training needs the collection {COLLECTION!r} mutable"
    fix = (
        f"apply(..., train=True, mutable=['batch_stats', {COLLECTION!r}]) and add the losses of "
        "the logits that come back there, or create the model with aux_heads=False"
    )
    report.expect(False, "aux_heads", True, rule, fix)
    report.done()


def run_aux(model: nn.Module, head: Any, x: Array, train: bool, size: int) -> None:
    """Let an auxiliary head leave its logits at `aux/NAME/logits`.

    Initialisation runs it on a dummy map of the usual size, so that its parameters are there
    whatever the images are; evaluation does not run it.
    """
    if model.is_initializing():
        head(jnp.zeros((1, size, size, x.shape[-1]), x.dtype))
    elif train:
        # Replaced rather than appended: a collection that is passed in again does not grow.
        head.sow(COLLECTION, "logits", head(x), reduce_fn=latest, init_fn=tuple)


def latest(_: Any, new: Array) -> Array:
    """Return the newer of two values."""
    return new
