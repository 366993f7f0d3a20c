"""From a config to the parts of a run."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax.sharding import Mesh

from jaxcnn.models import create_model
from jaxcnn.typing import Variables
from train import parallel
from train.config import Config, Model, to_steps
from train.data import Splits, check_batch_size, eval_batches, load_splits, steps_per_epoch
from train.data.source import Source
from train.errors import UserError
from train.evaluate import Evaluation, evaluate
from train.loop import Every
from train.optim import make_optimizer, make_schedule
from train.pretrained import load
from train.state import TrainState, create_state, initial_keys
from train.step import make_train_step
from train.tasks import Batch, Classification
from train.transfer import make_transfer


@dataclass(frozen=True)
class Setup:
    """What a config describes, ready to run."""

    config: Config
    splits: Splits
    mesh: Mesh
    task: Classification
    optimizer: optax.GradientTransformation
    schedule: optax.Schedule
    every: Every
    steps_per_epoch: int
    start: Variables | None = None
    """Pretrained variables."""

    def place(self, batch: Batch) -> Batch:
        """Put a host batch on the devices."""
        return parallel.shard(batch, self.mesh, self.config.devices.map)

    def initial_state(self) -> TrainState:
        """Return the state before the first step, on every device."""
        state = create_state(
            self.task.model,
            self.optimizer,
            self.splits.image_shape,
            self.config.seed,
            self.start,
        )
        return parallel.replicate(state, self.mesh)

    def train_step(self) -> Callable[[TrainState, Batch], tuple[TrainState, dict[str, jax.Array]]]:
        """Return the training step over all devices."""
        step = make_train_step(self.task, self.optimizer)
        return parallel.spread_train(step, self.mesh, self.config.devices.map)

    @functools.cached_property
    def predict(self) -> Callable[..., dict[str, jax.Array]]:
        """The prediction over all devices: one program for the validation and the test split."""
        return parallel.spread_eval(self.task.predict, self.mesh, self.config.devices.map)

    def evaluator(self) -> Callable[..., Evaluation]:
        """Return `evaluate(state, source, on_batch)`, compiled once for all splits."""
        predict, data = self.predict, self.config.data

        def run(state: TrainState, source: Source, on_batch: Callable[[int], None]) -> Evaluation:
            batches = eval_batches(
                source,
                batch_size=data.eval_batch_size,
                threads=data.threads,
                prefetch=data.prefetch,
            )
            return evaluate(predict, state.variables, batches, self.place, on_batch)

        return run


def prepare(
    config: Config,
    progress: Callable[[int, int], None] | None = None,
    splits: Splits | None = None,
) -> Setup:
    """Open the data, unless they are given, and build what the run needs; compile nothing yet."""
    data, optim = config.data, config.optim
    mesh = parallel.make_mesh(config.devices.count)
    check_batch_size("data.batch_size", data.batch_size, mesh.size)
    check_batch_size("data.eval_batch_size", data.eval_batch_size, mesh.size)
    splits = splits or load_splits(data, config.seed, progress)
    epoch = steps_per_epoch(len(splits.train), data.batch_size, data.remainder)
    total = steps(config, config.length, epoch)
    schedule = make_schedule(optim, total, epoch, data.batch_size)
    axis = parallel.AXIS if config.devices.batch_norm == "sync" else None
    model, shape = build_model(config.model, splits, axis), splits.image_shape
    transfer = make_transfer(config, model, shape, epoch, total)
    task = Classification(
        model=model,
        mean=data.mean,
        std=data.std,
        augment=config.augment,
        label_smoothing=optim.label_smoothing,
        transfer=transfer,
    )
    check_images(task, shape)
    pretrained = config.model.pretrained
    start = load(config, model, shape, initial_keys(config.seed)[0]) if pretrained else None
    return Setup(
        config=config,
        splits=splits,
        mesh=mesh,
        task=task,
        optimizer=make_optimizer(optim, schedule, transfer),
        schedule=schedule,
        every=Every(
            log=steps(config, config.log.every, epoch),
            evaluate=steps(config, config.log.eval_every, epoch),
            checkpoint=steps(config, config.checkpoint.every, epoch),
            total=total,
        ),
        steps_per_epoch=epoch,
        start=start,
    )


def steps(config: Config, duration: str, epoch: int) -> int:
    """Return a duration in steps, at least one."""
    return max(1, to_steps(duration, epoch, config.data.batch_size))


def build_model(config: Model, splits: Splits, axis: str | None) -> nn.Module:
    """Return the network for these data; its norms agree over the axis, if there is one."""
    if config.num_classes and config.num_classes < splits.num_classes:
        raise UserError(
            f"model.num_classes is {config.num_classes}, but the data have "
            f"{splits.num_classes} classes; leave it at 0 to take the data's"
        )
    classes = config.num_classes or splits.num_classes
    try:
        model = create_model(
            config.name, num_classes=classes, dtype=jnp.dtype(config.dtype), **config.fields
        )
        model = synchronised(model, axis)
        jax.eval_shape(model.init, jax.random.key(0), _image_spec(splits.image_shape))
    except (ValueError, TypeError) as error:
        raise UserError(f"model {config.name!r} cannot be built: {error}") from error
    return model


def check_images(task: Classification, shape: tuple[int, int, int]) -> None:
    """Refuse a mean, a deviation or an augmentation that does not fit the images."""

    def prepare(image: jax.Array) -> jax.Array:
        return task.prepare(task.randomize(jax.random.key(0)[None], image))

    try:
        jax.eval_shape(prepare, jax.ShapeDtypeStruct((1, *shape), jnp.uint8))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"--data.mean, --data.std or --augment does not fit images of {shape}: {error}"
        ) from error


def synchronised(model: nn.Module, axis: str | None) -> nn.Module:
    """Return the model with batch statistics over the axis, where its norm has such a field."""
    norm: Any = getattr(model, "norm", None)
    if not dataclasses.is_dataclass(norm) or not hasattr(norm, "axis_name"):
        return model
    return model.clone(norm=dataclasses.replace(norm, axis_name=axis))  # type: ignore[type-var]


def _image_spec(shape: tuple[int, int, int]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((1, *shape), jnp.result_type(float))
