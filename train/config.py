"""What a run is: frozen dataclasses, every field with its type, default and unit.

A file in `configs/` is a function that returns a `Config`; the command line overrides single
fields. No field is a union, so that every config survives a round trip through JSON.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from flax.traverse_util import flatten_dict

from train.fields import Duration as Duration
from train.fields import Fields
from train.fields import parse_duration as parse_duration
from train.fields import parse_size as parse_size
from train.fields import parse_stage as parse_stage
from train.fields import to_steps as to_steps
from train.recipe import Augment as Augment
from train.recipe import Loss as Loss
from train.recipe import Optim as Optim


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
    """Type of the computation, and the whole policy: bfloat16 concerns convolutions, dense layers
    and activations; parameters, gradients, optimizer, statistics, logits and loss stay float32
    (float64 under float64). Micikevicius et al. 2017; Kalamkar et al. 2019 (bfloat16)."""
    remat: Literal["none", "norms", "block", "stage"] = "none"
    """What the backward pass computes again to save memory: norms and nonlinearities, the inside
    of each block, or of each stage. Chen et al. 2016, "Training deep nets with sublinear memory
    cost"."""
    fields: Fields = field(default_factory=dict)
    """Further fields of the model, such as {"dropout": 0.2, "stochastic_depth": 0.1}."""


@dataclass(frozen=True)
class Data:
    """Where the images come from and how they are batched."""

    source: str = "digits"
    """digits | tfds:NAME | folder:PATH | list:FILE.csv; for a segmentation scenes:SOURCE |
    tfds:NAME | folder:PATH"""
    image_size: int = 0
    """Height and width in pixels that images are resized to; 0 keeps the stored size."""
    channels: int = 0
    """1 = grey, 3 = colour; 0 keeps the source's."""
    batch_size: int = 64
    """Examples per training step, over all devices."""
    per_device_batch_size: int = 0
    """Examples per training step on each device, instead of `batch_size`; 0 = off."""
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
class Devices:
    """How one step is spread over devices."""

    map: Literal["shard_map", "pmap"] = "shard_map"
    """The transformation that maps the step over the devices."""
    count: int = 0
    """Number of devices; 0 takes all."""
    batch_norm: str = "sync"
    """Batch statistics over the whole batch (sync), each device's share (local), or the shares of
    N neighbouring devices (group:N). Ying et al. 2018, "Image classification at supercomputer
    scale", section 3.4."""
    all_reduce: Literal["float32", "bfloat16"] = "float32"
    """Type in which gradients travel between devices; one collective carries them all."""
    optimizer_state: Literal["replicated", "sharded"] = "replicated"
    """Whether every device holds all of the optimizer's state, or its part; with shard_map.
    Rajbhandari et al. 2019, "ZeRO", stage 1."""
    deterministic: bool = False
    """Compile for accelerators without operations whose result changes from run to run; with
    shard_map."""


@dataclass(frozen=True)
class Hosts:
    """The processes of one job: SLURM, Open MPI, Kubernetes, TPU pods tell of them themselves."""

    launcher: Literal["auto", "jax", "none"] = "auto"
    """auto looks for SLURM, Open MPI, Kubernetes and GKE's TPU pods; jax lets JAX detect whatever
    it can, as other TPU pods need; none trains alone."""
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
    """Best checkpoints kept, by validation top-1 (mIoU for a segmentation)."""
    bad_saves: int = 3
    """Saves in a row that may fail, as on a full disk, before the run ends."""


@dataclass(frozen=True)
class Log:
    """What is written while it runs."""

    every: Duration = "20 steps"
    """Interval between lines of training metrics."""
    eval_every: Duration = "1 epochs"
    """Interval between evaluations on the validation split."""
    profile: tuple[int, ...] = ()
    """First and last step of which a trace is written to RUN/profile; empty = off."""
    tensorboard: bool = True
    """Write TensorBoard events beside metrics.jsonl."""
    report: bool = True
    """Write report.html and its pictures at the end."""


@dataclass(frozen=True)
class Config:
    """One run."""

    task: Literal["classification", "segmentation"] = "classification"
    """A class for each image, or for each pixel."""
    length: Duration = "30 epochs"
    """Length of the training."""
    patience: int = 0
    """Evaluations without a better validation top-1 (mIoU) after which the training ends early;
    0 = never. The schedule stays that of the whole length. Prechelt 1998, "Early stopping"."""
    seed: int = 0
    """Seed of initialisation, data order, augmentation and dropout."""
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    augment: Augment = field(default_factory=Augment)
    loss: Loss = field(default_factory=Loss)
    optim: Optim = field(default_factory=Optim)
    devices: Devices = field(default_factory=Devices)
    hosts: Hosts = field(default_factory=Hosts)
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    log: Log = field(default_factory=Log)


def to_json(config: Config) -> str:
    """Return the config as JSON text, keys in the order of the fields."""
    return json.dumps(dataclasses.asdict(config), indent=2)


MACHINERY = ("checkpoint.", "data.workers", "data.threads", "data.prefetch", "data.data_dir")
MACHINERY += ("log.tensorboard", "log.report", "log.profile", "hosts.")
"""Fields that change no number of a run: they may differ when it goes on."""

OPEN = (("fields",), ("teacher_fields",))
"""Names of fields that are tables of their own."""


def numbers(config: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that decide the numbers of a run, flat, from the config's JSON."""
    flat = flatten_dict(config, sep=".", is_leaf=lambda path, _: path[-1:] in OPEN)
    return {path: value for path, value in flat.items() if not path.startswith(MACHINERY)}


def fingerprint(config: Config) -> str:
    """Return eight hex digits that change with every field that changes a number."""
    text = json.dumps(numbers(json.loads(to_json(config))))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
