"""Writes `transforms.npz`: what torchvision's presets make of two pieces of a photograph.

    python -m tests.golden.make_transforms .../sklearn/datasets/images/china.jpg

where torchvision is;
`landscape` and `portrait` are bytes; `PRESET/IMAGE` every `STEP`-th row and column of the result.
"""

import sys

import numpy as np
from PIL import Image

import tests.golden.make_zoo  # noqa: F401 - makes the next imports possible

# isort: split
from torchvision.transforms._presets import ImageClassification
from torchvision.transforms.functional import InterpolationMode

from tests.images.transform_cases import FILE, PRESETS, STEP


def main() -> None:
    """Write the file."""
    photograph = np.asarray(Image.open(sys.argv[1]).convert("RGB"))
    found = {"landscape": photograph[100:147, 200:260], "portrait": photograph[90:407, 150:320]}
    for name, (crop, resize, interpolation, mean, std) in PRESETS.items():
        preset = ImageClassification(
            crop_size=crop,
            resize_size=resize,
            interpolation=InterpolationMode(interpolation),
            mean=mean,
            std=std,
        )
        for image in ("landscape", "portrait"):
            values = preset(Image.fromarray(found[image])).numpy().transpose(1, 2, 0)
            found[f"{name}/{image}"] = values[::STEP, ::STEP]
    np.savez_compressed(FILE, **found)


if __name__ == "__main__":
    main()
