"""Seeded weights for whole networks: the same numbers for us and for PyTorch, from names alone.

Each array of a state dict is drawn from a generator seeded with its PyTorch name, so nothing is
stored but what the network makes of it. Statistics of norms are not drawn: they are those of one
training pass over four images of noise, of which the first two are then classified. So activations
stay of order 1 at any depth, and how a network trains is part of what is compared.

    python -m tests.golden.make_zoo resnet18 vgg11     where torch and torchvision are

writes `zoo/NAME.npz`, a few hundred bytes each, with the logits of two images (`logits`) and, for
one model a family, the loss's gradient to each parameter as length and component along a fixed
direction (`grads`), the same of the statistics after one training step (`stats`), and the names
of both, sorted.
"""

import pathlib
import zlib

import numpy as np

FOLDER = pathlib.Path(__file__).with_name("zoo")
CLASSES = 16
SIZES = {"inception_v3": 299, "googlenet": 224}
"""Height and width of the images, where 64 pixels are not enough for the auxiliary heads."""
TRAINED = (
    *("alexnet", "vgg11_bn", "squeezenet1_1", "googlenet", "inception_v3", "resnet18"),
    *("resnext50_32x4d", "densenet121", "mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5"),
    *("efficientnet_b0", "efficientnet_v2_s", "convnext_tiny", "shufflenet_v2_x0_5"),
    *("regnet_x_400mf", "regnet_y_400mf"),
)
"""Models whose training step is compared too."""
SINGLE = tuple(name for name in TRAINED if name != "resnext50_32x4d")
"""Models compared in single precision: one a family. With these weights PyTorch's own logits of
resnext50_32x4d in single precision are 1.4e-4 away from those in double."""


def size(name: str) -> int:
    """Return the height and width of a model's images here."""
    return SIZES.get(name, 64)


def generator(name: str) -> np.random.Generator:
    """Return a generator that depends on a name only."""
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))


def array(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the array of a PyTorch name, in PyTorch's layout."""
    leaf = name.rpartition(".")[2]
    if leaf == "running_mean":
        return np.zeros(shape)
    if leaf == "running_var":
        return np.ones(shape)
    values = generator(name).standard_normal(int(np.prod(shape))).reshape(shape)
    if leaf == "weight" and len(shape) > 1:
        return values * np.sqrt(2 / np.prod(shape[1:]))
    return 0.1 * values + (leaf != "bias")


def images(name: str) -> np.ndarray:
    """Return four images of noise (4, H, W, 3), as large as the model asks for."""
    return generator("images").standard_normal((4, size(name), size(name), 3))


def weights_of(outputs: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return the weights with which one output (0: logits, then aux heads) enters the loss."""
    return generator(f"loss {outputs}").standard_normal(shape)


def digest(name: str, values: np.ndarray) -> tuple[float, float]:
    """Return the length of an array in PyTorch's layout, and its part along a fixed direction."""
    direction = generator(f"direction {name}").standard_normal(values.size)
    return float(np.linalg.norm(values)), float(values.ravel() @ direction)
