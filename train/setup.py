"""From a config to the parts of a run."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from jaxcnn.typing import Variables
from train import parallel
from train.batch_size import check_shares, in_force
from train.config import Config, to_steps
from train.data import Splits, eval_batches, load_splits, steps_per_epoch
from train.data.source import Source
from train.evaluate import predictions
from train.loop import Every
from train.make_task import Task, check_data, make_task
from train.network import build_model, check_images, input_shape
from train.optim import make_optimizer, rate_of
from train.pretrained import load
from train.resizing import Sizes, make_sizes
from train.schedule import make_schedule
from train.segmentation import Segmentation
from train.state import TrainState, create_state, initial_keys
from train.step import composed, make_gradients, make_update
from train.tasks import Batch
from train.teacher import make_teacher
from train.transfer import make_transfer


@dataclass(frozen=True)
class Setup:
    """What a config describes, ready to run."""

    config: Config
    """With the batch size in force."""
    splits: Splits
    mesh: Mesh
    task: Task
    optimizer: optax.GradientTransformation
    schedule: optax.Schedule
    every: Every
    steps_per_epoch: int
    sizes: Sizes = Sizes()
    start: Variables | None = None
    """Pretrained variables."""
    teacher: Variables = dataclasses.field(default_factory=dict)
    """Variables of the task's teacher."""

    def place(self, batch: Batch) -> Batch:
        """Put a host batch on the devices."""
        return parallel.shard(batch, self.mesh, self.config.devices.map)

    def initial_state(self) -> TrainState:
        """Return the state before the first step, on every device."""
        state = create_state(
            self.task.model,
            self.optimizer,
            input_shape(self.task.model, self.splits),
            self.config.seed,
            self.start,
            ema=self.config.optim.ema > 0,
        )
        return parallel.place_state(state, self.mesh, self._sharded)

    @property
    def _sharded(self) -> bool:
        return self.config.devices.optimizer_state == "sharded"

    def train_step(
        self,
    ) -> Callable[[TrainState, Batch, int], tuple[TrainState, dict[str, jax.Array]]]:
        """Return `step(state, batch, number)` over all devices, one program for each image size."""
        teacher = (parallel.replicate(self.teacher, self.mesh),) if self.task.teacher else ()
        programs = {size: self._program(size) for size in self.sizes.pixels}

        def step(state: TrainState, batch: Batch, number: int):
            return programs[self.sizes.at(number)](state, batch, *teacher)

        return step

    def _program(self, size: int) -> Callable:
        """Return the training step for images of one size."""
        devices, optim = self.config.devices, self.config.optim
        task, rate = dataclasses.replace(self.task, size=size), rate_of(self.schedule)
        reduce = jnp.bfloat16 if devices.all_reduce == "bfloat16" else None
        options = {
            "constants": 1 if self.task.teacher else 0,
            "deterministic": devices.deterministic,
        }
        gradients = make_gradients(task, optim.accumulate, reduce)
        update = make_update(self.optimizer, rate, optim.ema)
        if self._sharded:
            return parallel.spread_sharded(gradients, update, self.mesh, **options)
        step = composed(gradients, update)
        return parallel.spread_train(step, self.mesh, devices.map, **options)

    @functools.cached_property
    def predict(self) -> Callable[..., dict[str, jax.Array]]:
        """The prediction over all devices: one program for the validation and the test split."""
        devices = self.config.devices
        return parallel.spread_eval(
            self.task.predict, self.mesh, devices.map, deterministic=devices.deterministic
        )

    @functools.cached_property
    def label_pixels(self) -> Callable[..., jax.Array]:
        """The classes of the pixels, for pictures: on one device, since one process asks."""
        assert isinstance(self.task, Segmentation)
        return jax.jit(self.task.classes)

    def evaluator(self) -> Callable[..., Any]:
        """Return `evaluate(state, source, on_batch)`, compiled once for all splits."""
        predict, data = self.predict, self.config.data

        def run(state: TrainState, source: Source, on_batch: Callable[[int], None]) -> Any:
            batches = eval_batches(
                source,
                batch_size=data.eval_batch_size,
                threads=data.threads,
                prefetch=data.prefetch,
                shard_index=jax.process_index(),
                shard_count=jax.process_count(),
            )
            parts = predictions(predict, state.variables, batches, self.place, on_batch)
            return self.task.judge(parts)

        return run


def prepare(
    config: Config,
    progress: Callable[[int, int], None] | None = None,
    splits: Splits | None = None,
) -> Setup:
    """Open the data, unless they are given, and build what the run needs; compile nothing yet."""
    mesh = parallel.make_mesh(config.devices.count, config.devices.map)
    config = in_force(config, mesh.size)
    data, optim = config.data, config.optim
    check_shares(config, mesh.size)
    pixels = config.task == "segmentation"
    splits = splits or load_splits(data, config.seed, progress, pixels=pixels)
    check_data(config, splits)
    epoch = steps_per_epoch(len(splits.train), data.batch_size, data.remainder)
    total = steps(config, config.length, epoch)
    schedule = make_schedule(optim, total, epoch, data.batch_size)
    group = parallel.norm_group(config.devices.batch_norm, mesh.size)
    model = build_model(config.model, splits, group)
    shape = input_shape(model, splits)
    transfer = make_transfer(config, model, shape, epoch, total)
    teacher, taught = make_teacher(config, splits.num_classes, shape)
    task = make_task(config, splits, model, transfer, teacher)
    sizes = make_sizes(config, epoch, total)
    for size in sizes.pixels:
        check_images(dataclasses.replace(task, size=size), splits.image_shape)
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
        sizes=sizes,
        start=start,
        teacher=taught,
    )


def steps(config: Config, duration: str, epoch: int) -> int:
    """Return a duration in steps, at least one."""
    return max(1, to_steps(duration, epoch, config.data.batch_size))
