"""Small image sets on disk."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def picture(seed, height=12, width=10, channels=3):
    shape = (height, width, channels)
    image = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return image if channels == 3 else image[..., 0]


@pytest.fixture
def save():
    """A function that writes a picture: `save(path, seed, height=.., width=.., channels=..)`."""

    def write(path, seed=0, **shape):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(seed, **shape)).save(path)
        return path

    return write


@pytest.fixture
def folder(tmp_path, save):
    """Three classes of ten 12 x 10 colour pictures, as PNG, JPEG and WebP."""
    for c, (name, suffix) in enumerate([("cat", "png"), ("dog", "jpg"), ("eel", "WEBP")]):
        for i in range(10):
            save(tmp_path / "pets" / name / f"{i:02d}.{suffix}", seed=100 * c + i)
    return tmp_path / "pets"


@pytest.fixture(scope="session")
def tfds_dir():
    """The folder with the prepared Fashion-MNIST."""
    beside = Path(__file__).parents[4] / "shared" / "tfds"
    for root in (os.environ.get("TFDS_DATA_DIR"), beside):
        if root and (Path(root) / "fashion_mnist").is_dir():
            return str(root)
    pytest.skip("fashion_mnist is not prepared: set TFDS_DATA_DIR to a folder that has it")
