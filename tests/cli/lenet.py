"""A run of the lab as commands find it: LeNet-5 of three classes, never trained."""

import json
from pathlib import Path

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from jaxcnn import create_model

CONFIG = {
    "model": {"name": "lenet5", "fields": {}},
    "data": {"image_size": 32, "channels": 1, "mean": [0.5], "std": [0.5]},
}


def save_lenet(folder: Path, draw: np.random.Generator, **scales: float) -> None:
    """Write the run's config, and a file NAME.npz for each scale of normal weights."""
    (folder / "config.json").write_text(json.dumps(CONFIG))
    spec = jax.ShapeDtypeStruct((1, 32, 32, 1), np.float32)
    model = create_model("lenet5", num_classes=3)
    shapes = flatten_dict(dict(jax.eval_shape(model.init, jax.random.key(0), spec)), sep="/")
    for name, scale in scales.items():
        arrays = {n: draw.normal(0, scale, s.shape).astype("f4") for n, s in shapes.items()}
        np.savez(folder / f"{name}.npz", allow_pickle=False, **arrays)
