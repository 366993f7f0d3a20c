"""Fashion-MNIST as a retrieval benchmark, and what two networks make of it."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from benchmarks.lab import ROOT, complete
from jaxcnn import augment, create_model, load_pretrained
from jaxcnn.taps import features
from train.config import Data
from train.data import load_splits

RUN = ROOT / "runs" / "retrieval"
FIELDS = (
    '{"stages": [[32, 1, true], [64, 2, true], [256, 1, false]], "hidden": [128], "dropout": 0.1}'
)
TRAINING = ("fashion_mnist_cnn", "--length", "3 epochs", "--model.fields", FIELDS)
SIDE = 96
"""Pixels at which EfficientNet-Lite0 sees the clothes."""
COUNTS = {"database": 10_000, "queries": 1_000, "held_out": 5_000}
BATCH = 100


class Part(NamedTuple):
    """Some images with their classes."""

    images: np.ndarray
    labels: np.ndarray


Maps = dict[str, Any]
"""`maps` (N, H, W, C) behind the last nonlinearity of a convolution, `code` (N, D) of the head."""


def parts(share: float = 1.0) -> dict[str, Part]:
    """Return all test images as the database, queries of the validation part, and training images.

    What is asked for was not trained on, and the axes are fitted on neither.
    """
    splits = load_splits(Data("tfds:fashion_mnist", val_fraction=0.05), seed=0)
    assert splits.val is not None
    sources = {"database": splits.test, "queries": splits.val, "held_out": splits.train}
    found = {}
    for name, source in sources.items():
        gathered = source.gather(np.arange(int(COUNTS[name] * share)))
        found[name] = Part(gathered.images, gathered.labels)
    return found


def trained() -> tuple[Callable[[np.ndarray], Maps], dict[str, Any]]:
    """Return what describes images by a small network of the lab; trains it unless it is there."""
    if not (RUN / "final.npz").exists():
        complete(RUN, *TRAINING)
    summary = json.loads((RUN / "summary.json").read_text())
    config = json.loads((RUN / "config.json").read_text())
    model = create_model("convnet", num_classes=10, **config["model"]["fields"])
    with np.load(RUN / "final.npz") as arrays:
        variables = traverse_util.unflatten_dict(dict(arrays), sep="/")
    mean, std = config["data"]["mean"], config["data"]["std"]

    @jax.jit
    def look(images: Any) -> Maps:
        x = augment.normalize(images, mean, std)
        found = features(model, variables, x, ["fc1:input", "head:input"])
        return {"maps": found["fc1:input"].reshape(-1, 7, 7, 256), "code": found["head:input"]}

    about = {"test_top1": summary["test"]["top1"], "train_seconds": summary["train_seconds"]}
    return look, about


def pretrained() -> tuple[Callable[[np.ndarray], Maps], dict[str, Any]]:
    """Return what describes images by EfficientNet-Lite0, enlarged, on white as photographs are."""
    model, variables, meta = load_pretrained("efficientnet_lite0")
    mean, std = meta.transforms.mean[0], meta.transforms.std[0]

    @jax.jit
    def look(images: Any) -> Maps:
        light = 255 - jnp.repeat(images.astype(jnp.float32), 3, -1)
        light = jax.image.resize(light, (len(images), SIDE, SIDE, 3), "bilinear")
        found = features(model, variables, (light / 255 - mean) / std, ["top", "head:input"])
        return {"maps": found["top"], "code": found["head:input"]}

    return look, {"pixels": SIDE}


def looked(look: Callable[[np.ndarray], Maps], images: np.ndarray) -> Maps:
    """Return the maps and codes of all images."""
    found = []
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        found.append({name: np.asarray(value) for name, value in look(batch).items()})
        if start % 2000 == 0:
            print(f"{start} of {len(images)} images", flush=True)
    return {name: np.concatenate([batch[name] for batch in found]) for name in found[0]}
