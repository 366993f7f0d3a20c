"""Captum's side of `benchmarks.explain`: reads names of methods, writes seconds and maps."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import json
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from captum import attr

from tests.golden.make_zoo import models

TARGET, AT_ONCE = 3, 16


def build(given: dict[str, np.ndarray]) -> torch.nn.Module:
    """Return torchvision's ResNet-18 with the given weights."""
    model = models.resnet18(num_classes=10)
    names = [name for name in given if name.startswith("weights/")]
    found = {name.removeprefix("weights/"): torch.from_numpy(given[name]) for name in names}
    model.load_state_dict(found, strict=False)
    return model.eval()


def main() -> None:
    file = Path(sys.argv[1])
    given = dict(np.load(file))
    model, x = build(given), torch.from_numpy(given["x"])
    batch, count = len(x), len(given["noise"])
    tunnel, integrated = attr.NoiseTunnel(attr.Saliency(model)), attr.IntegratedGradients(model)

    def noises():
        """Yield the noise as the tunnel asks for it: so many copies of each image."""
        for part in np.split(given["noise"], count // AT_ONCE):
            yield torch.from_numpy(part.swapaxes(0, 1).reshape(-1, *x.shape[1:]).copy())

    def smooth():
        with mock.patch("torch.normal", side_effect=noises()):
            options = {"nt_samples": count, "nt_samples_batch_size": AT_ONCE, "abs": False}
            return tunnel.attribute(x, target=TARGET, **options)

    methods = {
        "occlusion": lambda: attr.Occlusion(model).attribute(
            x, (3, 8, 8), strides=(3, 8, 8), target=TARGET, perturbations_per_eval=AT_ONCE
        ),
        "smooth_grad": smooth,
        "integrated_gradients": lambda: integrated.attribute(
            x, target=TARGET, n_steps=count, internal_batch_size=AT_ONCE * batch
        ),
    }
    for line in sys.stdin:
        name = line.strip()
        start = time.perf_counter()
        maps = methods[name]()
        seconds = time.perf_counter() - start
        out = file.parent / f"{name}.npy"
        np.save(out, maps.detach().numpy().transpose(0, 2, 3, 1))
        print(json.dumps({"seconds": seconds, "file": str(out)}), flush=True)


if __name__ == "__main__":
    main()
