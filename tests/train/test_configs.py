"""Every config is built and traced; the small networks also take two steps."""

import dataclasses
import importlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import configs
from tests.marks import mostly_slow
from train.config import Config, Data
from train.data import Splits
from train.setup import Setup, prepare
from train.validate import validate

FILES = sorted(Path(configs.__file__).parent.glob("[!_]*.py"))
NAMES = [path.stem for path in FILES]
SHAPES = {
    "digits": (8, 8, 1, 10),
    "tfds:mnist": (28, 28, 1, 10),
    "tfds:fashion_mnist": (28, 28, 1, 10),
    "tfds:cifar10": (32, 32, 3, 10),
    "folder:imagenet": (500, 375, 3, 1000),
    "scenes:digits": (64, 64, 1, 11),
    "tfds:oxford_iiit_pet": (375, 500, 3, 3),
}
"""Height, width, channels and classes of the stored images."""
PIXELS = ("scenes:digits", "tfds:oxford_iiit_pet")
"""Those where each pixel has a class."""
EXAMPLES = 60_000
QUICK = ("digits", "mnist")
"""Traced in plain runs; the others take seconds each."""


class Declared:
    """A source of a length, whose examples nobody reads."""

    def __len__(self) -> int:
        return EXAMPLES


def declared(data: Data) -> Splits:
    """The splits of a set that need not be there."""
    height, width, channels, classes = SHAPES[data.source]
    if data.image_size:
        height = width = data.image_size
    source: object = Declared()
    return Splits(
        train=source,  # type: ignore[arg-type]
        val=source,  # type: ignore[arg-type]
        test=source,  # type: ignore[arg-type]
        class_names=tuple(map(str, range(classes))),
        image_shape=(height, width, data.channels or channels),
        fingerprint="",
        skipped={},
        pixels=data.source in PIXELS,
    )


def setup_of(name: str, batch_size: int = 0) -> Setup:
    """The parts of a run on one device, without its weights: they may not be installed."""
    config: Config = importlib.import_module(f"configs.{name}").config()
    validate(config)
    model = dataclasses.replace(config.model, pretrained="")
    devices = dataclasses.replace(config.devices, count=1)
    data = config.data
    if batch_size:
        data = dataclasses.replace(data, batch_size=batch_size, eval_batch_size=batch_size)
    config = dataclasses.replace(config, model=model, devices=devices, data=data)
    return prepare(config, splits=declared(config.data))


def images(setup: Setup, size: int) -> tuple[int, ...]:
    return (size // setup.config.augment.repeats, *setup.splits.image_shape)


def labels(setup: Setup, size: int) -> tuple[int, ...]:
    shape = images(setup, size)
    return shape[:3] if setup.splits.pixels else shape[:1]


@pytest.mark.parametrize("name", mostly_slow(NAMES, QUICK))
def test_every_config_is_traced(name):
    setup = setup_of(name)
    shape = images(setup, setup.config.data.batch_size)
    batch = {
        "image": jax.ShapeDtypeStruct(shape, jnp.uint8),
        "label": jax.ShapeDtypeStruct(labels(setup, setup.config.data.batch_size), jnp.int32),
        "mask": jax.ShapeDtypeStruct(shape[:1], jnp.bool_),
    }
    state = jax.eval_shape(setup.initial_state)
    train = setup.train_step()
    for number in (1, setup.every.total):
        new, metrics = jax.eval_shape(lambda s, b, n=number: train(s, b, n), state, batch)
    assert jax.tree.map(jnp.shape, new) == jax.tree.map(jnp.shape, state)
    assert {*setup.task.sums, "finite", "learning_rate"} <= metrics.keys()
    predicted = jax.eval_shape(setup.predict, state.variables, {**batch})
    assert predicted["losses"].shape == shape[:1]


LARGE = ("imagenet", "pets", "cifar10_wrn", "fashion_mnist_wrn")
DEEP = ("cifar10_densenet_bc", "cifar10_resnet110")
"""Below 5 M parameters too, but minutes to compile on a CPU: traced only."""
SMALL = [name for name in NAMES if not name.startswith((*LARGE, *DEEP))]


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_small_networks_take_two_steps(name):
    """With the optimizer, augmentation and loss of the config, four images at a time."""
    setup = setup_of(name, batch_size=4)
    draw, shape = np.random.default_rng(0), images(setup, 4)
    batch = {
        "image": draw.integers(0, 256, shape, np.uint8),
        "label": draw.integers(0, setup.splits.num_classes, labels(setup, 4), np.int32),
        "mask": np.ones(shape[0], bool),
    }
    state = setup.initial_state()
    assert sum(p.size for p in jax.tree.leaves(state.params)) < 5e6
    first, train = jax.device_get(state.params), setup.train_step()
    for number in (1, 2):
        state, metrics = train(state, setup.place(batch), number)
        assert metrics["finite"]
    assert int(state.step) == 2
    moved = jax.tree.map(lambda a, b: np.any(a != b), first, jax.device_get(state.params))
    assert any(jax.tree.leaves(moved))
