"""What a run is: frozen dataclasses, every field with its type, default and unit.

A file in `configs/` is a function that returns a `Config`; the command line overrides single
fields. No field is a union, so that every config survives a round trip through JSON.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import tyro
from flax.traverse_util import flatten_dict

from train.errors import UserError

UNITS = ("epochs", "steps", "examples")

Duration = Annotated[str, tyro.conf.arg(metavar="'N epochs|steps|examples'")]
"""A length of training that carries its unit: `'30 epochs'`, `'500 steps'`, `'100000 examples'`."""

Fields = Annotated[
    dict[str, Any],
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="JSON",
        instance_from_str=lambda args: json.loads(args[0]),
        is_instance=lambda value: isinstance(value, dict),
        str_from_instance=lambda value: [json.dumps(value)],
    ),
]
"""Further fields of a model, on the command line as JSON: `'{"width": 32}'`."""


@dataclass(frozen=True)
class Model:
    """The network, by its name in the registry."""

    name: str = "lenet5"
    """Name in the registry (`jaxcnn.list_models()`)."""
    num_classes: int = 0
    """Number of classes; 0 takes the data's."""
    pretrained: str = ""
    """Start from a weight set ('true' or its tag), or from a file (.npz, .pth, .safetensors)."""
    dtype: Literal["float32", "bfloat16", "float64"] = "float32"
    """Type of the computation; parameters stay float32 (float64 under float64)."""
    fields: Fields = field(default_factory=dict)
    """Further fields of the model."""


@dataclass(frozen=True)
class Data:
    """Where the images come from and how they are batched."""

    source: str = "digits"
    """digits | tfds:NAME | folder:PATH | list:FILE.csv"""
    image_size: int = 0
    """Height and width in pixels that images are resized to; 0 keeps the stored size."""
    channels: int = 0
    """1 = grey, 3 = colour; 0 keeps the source's."""
    batch_size: int = 64
    """Examples per training step, over all devices."""
    eval_batch_size: int = 256
    """Examples per evaluation step, over all devices."""
    val_fraction: float = 0.1
    """Share of the training examples kept for validation, where the source has no such split."""
    test_fraction: float = 0.2
    """Share of all examples kept for the test, where the source has no such split."""
    split_seed: int = -1
    """Seed of those splits; -1 takes the run's seed."""
    remainder: Literal["drop", "wrap"] = "drop"
    """Last incomplete batch of an epoch: left out, or filled from the epoch's beginning."""
    mean: tuple[float, ...] = (0.5,)
    """Mean per channel, for values in [0, 1]; one value serves all channels."""
    std: tuple[float, ...] = (0.5,)
    """Standard deviation per channel, for values in [0, 1]."""
    on_error: Literal["raise", "skip"] = "raise"
    """An unreadable image stops the run, or is skipped, counted and named."""
    cache_mb: int = 1024
    """A decoded set up to this many megabytes is kept in memory as uint8."""
    workers: int = 0
    """Processes that decode; 0 uses threads of the main process."""
    threads: int = 2
    """Threads that prepare batches."""
    prefetch: int = 4
    """Batches prepared ahead."""
    data_dir: str = ""
    """Folder of TFDS sets; empty takes TFDS_DATA_DIR or TFDS's own default."""


@dataclass(frozen=True)
class Augment:
    """Random changes of the training images, drawn anew for every step and example."""

    pad_crop: int = 0
    """Pixels of reflected border from which a crop of the old size is cut; 0 = off."""
    flip: bool = False
    """Mirror half of the images left to right."""


@dataclass(frozen=True)
class Optim:
    """The optimizer and its learning-rate schedule."""

    name: Literal["sgd", "adamw"] = "sgd"
    """sgd has Nesterov momentum."""
    learning_rate: float = 0.1
    """Peak learning rate, for the whole batch."""
    momentum: float = 0.9
    """Of sgd; the first moment's decay of adamw."""
    weight_decay: float = 5e-4
    """Coupled for sgd (added to the gradient), decoupled for adamw; never on norms and biases."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """Shape of the learning rate after the warm-up."""
    warmup: Duration = "1 epochs"
    """Linear warm-up from zero."""
    label_smoothing: float = 0.0
    """Share of the target spread evenly over all classes, in [0, 1)."""
    freeze: tuple[str, ...] = ()
    """Parameters that stay as they are, with their norms' statistics: stem 'stage[12]' '!head'."""
    unfreeze: tuple[str, ...] = ()
    """Stages that begin one after the other: '0 epochs: head' '2 epochs: stage4' '4 epochs: **'."""
    layer_decay: float = 1.0
    """Factor of the learning rate from each layer to the one before it, in (0, 1]; 1 = off."""
    bad_steps: int = 10
    """Steps in a row with a non-finite loss or gradient that end the run; they change nothing."""


@dataclass(frozen=True)
class Devices:
    """How one step is spread over devices."""

    map: Literal["shard_map", "pmap"] = "shard_map"
    """The transformation that maps the step over the devices."""
    count: int = 0
    """Number of devices; 0 takes all."""
    batch_norm: Literal["sync", "local"] = "sync"
    """Batch statistics over the whole batch, or over each device's share."""


@dataclass(frozen=True)
class Hosts:
    """The processes of one job. SLURM, Open MPI, Kubernetes and TPU pods tell of them themselves."""

    launcher: Literal["auto", "none"] = "auto"
    """none ignores what launched this process: it trains alone."""
    coordinator: str = ""
    """ADDRESS:PORT on the host of process 0, the same for all; empty asks the launcher."""
    count: int = 0
    """Number of processes; 0 asks the launcher."""
    index: int = -1
    """Number of this process, from 0; -1 asks the launcher."""
    heartbeat: float = 20.0
    """Seconds without a sign of life after which a process counts as dead."""
    watchdog: float = 900.0
    """Seconds without progress after which a living process counts as stuck."""
    wait: float = 300.0
    """Seconds that the processes wait for each other at the start."""


@dataclass(frozen=True)
class Checkpoint:
    """What is kept and how often."""

    every: Duration = "1 epochs"
    """Interval between checkpoints."""
    keep_last: int = 2
    """Newest checkpoints kept."""
    keep_best: int = 1
    """Best checkpoints kept, by validation top-1."""
    bad_saves: int = 3
    """Saves in a row that may fail, as on a full disk, before the run ends."""


@dataclass(frozen=True)
class Log:
    """What is written while it runs."""

    every: Duration = "20 steps"
    """Interval between lines of training metrics."""
    eval_every: Duration = "1 epochs"
    """Interval between evaluations on the validation split."""
    tensorboard: bool = True
    """Write TensorBoard events beside metrics.jsonl."""
    report: bool = True
    """Write report.html and its pictures at the end."""


@dataclass(frozen=True)
class Config:
    """One run."""

    length: Duration = "30 epochs"
    """Length of the training."""
    seed: int = 0
    """Seed of initialisation, data order, augmentation and dropout."""
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    augment: Augment = field(default_factory=Augment)
    optim: Optim = field(default_factory=Optim)
    devices: Devices = field(default_factory=Devices)
    hosts: Hosts = field(default_factory=Hosts)
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    log: Log = field(default_factory=Log)


def parse_duration(text: str) -> tuple[float, str]:
    """Split a duration into its amount and its unit.

    >>> parse_duration("30 epochs"), parse_duration("500steps")
    ((30.0, 'epochs'), (500.0, 'steps'))
    """
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz").strip()
    unit = text[len(text.rstrip("abcdefghijklmnopqrstuvwxyz")) :]
    try:
        amount = float(number)
    except ValueError:
        amount = float("nan")
    if unit not in UNITS or not 0 <= amount < float("inf"):
        raise UserError(
            f"duration {text!r} is not a number >= 0 with a unit; write for example "
            "'30 epochs', '500 steps' or '100000 examples'"
        )
    return amount, unit


def parse_stage(text: str) -> tuple[str, tuple[str, ...]]:
    """Split a stage of gradual unfreezing into its beginning and its patterns.

    >>> parse_stage("2 epochs: stage3 stage4")
    ('2 epochs', ('stage3', 'stage4'))
    """
    start, colon, patterns = text.partition(":")
    parse_duration(start)
    if not colon or not patterns.split():
        raise UserError(f"stage {text!r} names no parameters; write for example '2 epochs: stage4'")
    return start, tuple(patterns.split())


def to_steps(duration: str, steps_per_epoch: int, batch_size: int) -> int:
    """Turn a duration into optimizer steps, rounded to the nearest; done nowhere else.

    >>> to_steps("2 epochs", 10, 64), to_steps("640 examples", 10, 64)
    (20, 10)
    """
    amount, unit = parse_duration(duration)
    per_unit = {"epochs": steps_per_epoch, "steps": 1, "examples": 1 / batch_size}[unit]
    return round(amount * per_unit)


def to_json(config: Config) -> str:
    """Return the config as JSON text, keys in the order of the fields."""
    return json.dumps(dataclasses.asdict(config), indent=2)


MACHINERY = ("checkpoint.", "data.workers", "data.threads", "data.prefetch", "data.data_dir")
MACHINERY += ("log.tensorboard", "log.report", "hosts.")
"""Fields that change no number of a run: they may differ when it goes on."""


def numbers(config: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that decide the numbers of a run, flat, from the config's JSON."""
    flat = flatten_dict(config, sep=".", is_leaf=lambda path, _: path == ("model", "fields"))
    return {path: value for path, value in flat.items() if not path.startswith(MACHINERY)}


def fingerprint(config: Config) -> str:
    """Return eight hex digits that change with every field that changes a number."""
    text = json.dumps(numbers(json.loads(to_json(config))))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
