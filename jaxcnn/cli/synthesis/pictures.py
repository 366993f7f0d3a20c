"""Pictures in and out: any file becomes values in [0, 1], and they become a file."""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxcnn.checks import Report
from jaxcnn.images import grid, read, resize
from jaxcnn.typing import Array

STILLS, FILMS = (".png", ".jpg", ".jpeg", ".webp"), (".gif", ".mp4")
LARGEST = 512
"""Pixels of the shorter side of a photograph whose size is not asked for, at most."""


def photograph(file: Path, channels: int, size: int | None) -> Array:
    """Return an image as (1, H, W, C) in [0, 1].

    Args:
        file: Of any usual kind.
        channels: 1 or 3, as the network takes them.
        size: Pixels of the shorter side; None for those it has, at most 512.
    """
    pixels = read(file, mode="RGB" if channels == 3 else "L")
    shorter = min(pixels.shape[:2])
    return values(resize(pixels, min(shorter, LARGEST) if size is None else size)[None])


def values(pixels: np.ndarray) -> Array:
    """Return bytes as values in [0, 1]."""
    return jnp.asarray(pixels.astype(np.float32) / 255)


def pixels_of(images: Array) -> np.ndarray:
    """Return values in [0, 1] as bytes, (N, H, W, C)."""
    # Rounded to even, as NumPy does, so that bytes come back as themselves.
    return np.asarray(jax.device_get(images) * 255).round().astype(np.uint8)


def save(path: Path, images: Sequence[np.ndarray]) -> None:
    """Write an image, or several side by side."""
    picture = images[0] if len(images) == 1 else grid(images, gap=4)
    picture = picture[..., 0] if picture.shape[-1] == 1 else picture
    Image.fromarray(picture).save(path, quality=92)  # of JPEG and WebP


def expect_file(report: Report, option: str, path: Path | None, kinds: Sequence[str]) -> None:
    """Expect a file of a kind that can be written, in a folder that exists."""
    if path is None:
        return
    rule, fix = f"must end in {', '.join(kinds)}", f"use {path.with_suffix(kinds[0])}"
    report.expect(path.suffix.lower() in kinds, option, str(path), rule, fix)
    rule, fix = "must be in a folder that exists", f"mkdir -p {path.parent}"
    report.expect(path.parent.is_dir(), option, str(path), rule, fix)
