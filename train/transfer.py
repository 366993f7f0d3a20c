"""What of a pretrained network trains, from when, and how fast: `jaxcnn.finetune` by the config."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import optax
from flax import linen as nn

from jaxcnn import finetune
from train.config import Config, Optim, parse_stage, to_steps
from train.errors import UserError


@dataclass(frozen=True)
class Transfer:
    """Which parameters move; by default all of them, alike, from the first step."""

    freeze: tuple[str, ...] = ()
    stages: tuple[tuple[str, ...], ...] = ()
    starts: tuple[int, ...] = ()
    """Steps at which the stages begin."""
    order: tuple[str, ...] = ()
    """Layers from the image to the head."""
    decay: float = 1.0
    """Factor of the learning rate from one layer to the one before it."""

    @property
    def frozen(self) -> tuple[str, ...]:
        """Patterns of what never trains."""
        named = tuple(f"!{pattern}" for stage in self.stages for pattern in stage)
        return ("**", *named) if named else self.freeze

    def params(self, params: Any) -> Any:
        """Return the parameters, without gradients for those that never train."""
        return finetune.stop_gradients(params, self.frozen) if self.frozen else params

    def apply(self, apply: Callable[..., Any], step: jax.Array) -> Callable[..., Any]:
        """Return `apply` in which norms that do not train behave as in inference."""
        if self.stages:
            return finetune.unfreezing_norms(apply, self.stages, self.starts, step)
        return finetune.frozen_norms(apply, self.freeze) if self.freeze else apply

    def optimizer(self, core: optax.GradientTransformation) -> optax.GradientTransformation:
        """Return the optimizer without its learning rate, confined to what trains."""
        if self.stages:
            core = finetune.unfreeze(core, self.stages, self.starts)
        elif self.freeze:
            core = finetune.freeze(core, self.freeze)
        if self.decay < 1:
            core = optax.chain(core, finetune.scale_by_layer(self.order, self.decay))
        return core


def make_transfer(
    config: Config, model: nn.Module, shape: tuple[int, int, int], epoch: int, total: int
) -> Transfer:
    """Return what the config asks for, checked against the model.

    Args:
        config: The run.
        model: The network, whose paths the patterns name.
        shape: Height, width and channels of the images.
        epoch: Steps in an epoch.
        total: Steps of the run.
    """
    optim = config.optim
    _refuse_both(optim)
    parsed = [parse_stage(stage) for stage in optim.unfreeze]
    starts = [to_steps(start, epoch, config.data.batch_size) for start, _ in parsed]
    if starts and (starts[0] != 0 or starts[-1] >= total):
        raise UserError(
            f"--optim.unfreeze: the stages begin at steps {starts} of {total}; the first must "
            "begin at '0 steps', and the last before the end"
        )
    transfer = Transfer(
        freeze=optim.freeze,
        stages=tuple(patterns for _, patterns in parsed),
        starts=tuple(starts),
        order=finetune.layer_order(model, (1, *shape)) if optim.layer_decay < 1 else (),
        decay=optim.layer_decay,
    )
    _check(transfer, model, shape)
    return transfer


def _refuse_both(optim: Optim) -> None:
    if optim.freeze and optim.unfreeze:
        raise UserError(
            "--optim.freeze and --optim.unfreeze are both given; what no stage of --optim.unfreeze "
            "covers stays frozen anyway: leave --optim.freeze out"
        )


def _check(transfer: Transfer, model: nn.Module, shape: tuple[int, int, int]) -> None:
    """Refuse patterns that cover nothing, and a run that trains nothing."""
    if transfer == Transfer():
        return
    images = jax.ShapeDtypeStruct((1, *shape), "float32")
    params = jax.eval_shape(model.init, jax.random.key(0), images)["params"]
    try:
        jax.eval_shape(transfer.optimizer(optax.identity()).init, params)
    except ValueError as error:
        raise UserError(f"--optim.freeze or --optim.unfreeze does not fit: {error}") from error
