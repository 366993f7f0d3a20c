"""Writes torchvision's rows of `jaxcnn/weights/data/weights.csv`, and keeps the others.

python -m tests.golden.make_catalogue      where torch and torchvision are
"""

import csv
import pathlib
import re
from typing import Any

# isort: split
import tests.golden.make_zoo  # noqa: F401 - makes the next import possible

# isort: split
from torchvision import models

FILE = pathlib.Path(__file__).parents[2] / "jaxcnn" / "weights" / "data" / "weights.csv"
OTHERS = ("swin", "vit", "maxvit")
"""Classifiers that are no convolutional networks."""
RESCALING = ("googlenet", "inception_v3")
"""Networks that change the normalisation of their input to mean and deviation 0.5."""


def row(name: str, weights: Any) -> dict[str, Any]:
    """Return a row, whose order is that of the columns."""
    meta, transform = weights.meta, weights.transforms()
    metrics = meta["_metrics"]["ImageNet-1K"]
    half = [0.5] * 3
    mean, std = (half, half) if name in RESCALING else (transform.mean, transform.std)
    return {
        "name": name,
        "tag": weights.name,
        "default": int(weights == models.get_model_weights(name).DEFAULT),
        "params": meta["num_params"],
        "top1": metrics["acc@1"],
        "top5": metrics["acc@5"],
        "mebibytes": meta["_file_size"],
        "resize": transform.resize_size[0],
        "crop": transform.crop_size[0],
        "crop_first": 0,
        "interpolation": transform.interpolation.value,
        "mean": " ".join(f"{value:g}" for value in mean),
        "std": " ".join(f"{value:g}" for value in std),
        "layout": "torchvision",
        # Those of SWAG name a licence of their own; it is CC BY-NC 4.0.
        "licence": "CC-BY-NC-4.0" if meta.get("license") else "BSD-3-Clause",
        "recipe": meta["recipe"],
        "sha256": re.findall(r"-([0-9a-f]{8,})\.pth$", weights.url)[0],
        "url": weights.url,
        "member": "",
        "wheel_sha256": "",
    }


def main() -> None:
    """Write the file."""
    with FILE.open(newline="") as file:
        kept = [row for row in csv.DictReader(file) if row["layout"] != "torchvision"]
    rows = [
        row(name, weights)
        for name in sorted(models.list_models(module=models))
        if not name.startswith(OTHERS)
        for weights in sorted(models.get_model_weights(name), key=lambda weights: weights.name)
        if weights.meta["categories"]  # VGG's IMAGENET1K_FEATURES has no classifier
    ]
    with FILE.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows + kept)


if __name__ == "__main__":
    main()
