"""A weight set whose file a test's own server has."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from jaxcnn.weights import weight_set

DATA = np.random.default_rng(0).bytes(300_000)


def entry(server, data: bytes = DATA, **changes):
    sha256 = hashlib.sha256(data).hexdigest()[:8]
    changes = {"url": server.url, "sha256": sha256, "size": len(data)} | changes
    return dataclasses.replace(weight_set("resnet18"), **changes)


def files(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()} - {"weights.pth.lock"}
