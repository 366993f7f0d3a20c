"""The network, images and options with which `make_explain` asks Captum for explanations.

A convolution, ReLU, max-pooling, a convolution, ReLU, the mean over the positions, a linear layer;
seeded weights in double precision, as flat names to arrays in our layout.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "explain.npz"
SHAPE = (2, 12, 10, 3)
CLASSES = np.array([2, 0])
WIDTHS = (6, 8)
STEPS = 20
WINDOW = (4, 3)
STRIDE = (2, 3)
BASELINE = 0.3
PARTS = 3
"""Parts of the image in height and in width."""
SETS = 24
COPIES = 8
KERNEL_WIDTH = 0.4
RIDGE = 0.7


def weights() -> dict[str, np.ndarray]:
    """Return the kernels and biases of the layers."""
    draw = np.random.default_rng(7).normal
    shapes = {"conv1": (3, 3, 3, WIDTHS[0]), "conv2": (3, 3, *WIDTHS), "head": (WIDTHS[1], 4)}
    kernels = {name: draw(size=s) / np.sqrt(np.prod(s[:-1]) / 2) for name, s in shapes.items()}
    return kernels | {f"{name}_bias": draw(size=s[-1]) * 0.1 for name, s in shapes.items()}


def images() -> np.ndarray:
    """Return noise (N, H, W, C)."""
    return np.random.default_rng(8).normal(size=SHAPE)


def parts() -> np.ndarray:
    """Return labels (H, W) of parts that are no rectangles."""
    return np.random.default_rng(9).integers(0, PARTS**2, SHAPE[1:3])
