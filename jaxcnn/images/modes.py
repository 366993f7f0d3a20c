"""Pixels of every kind of image, as eight-bit grey or colour."""

import numpy as np
from PIL import Image

from jaxcnn.images.error import ImageError

GREY_MODES = {"1", "L", "I;16", "I;16B", "I;16L", "I;16N", "I", "F"}
ALPHA_MODES = {"LA", "La", "PA", "RGBA", "RGBa"}


def is_grey(image: Image.Image) -> bool:
    """Return whether the image has no colour; a palette counts as colour."""
    return image.mode in GREY_MODES | {"LA", "La"}


def pixels(image: Image.Image, background: tuple[int, int, int]) -> np.ndarray:
    """Decode the image to uint8 `(H, W, 1)` where it is stored as grey, else `(H, W, 3)`."""
    grey = is_grey(image)
    if image.mode in GREY_MODES - {"1", "L"}:
        return eight_bits(np.asarray(image), image.mode, image.format)[..., None]
    if image.mode in ALPHA_MODES or "transparency" in image.info:
        flat = on_background(image.convert("RGBA"), background)
        # A grey picture stays grey unless the background brings colour into it.
        grey = grey and len(set(background)) == 1
        return flat[..., :1] if grey else flat
    if grey:
        return np.array(image.convert("L"))[..., None]
    return np.array(image.convert("RGB"))


def on_background(image: Image.Image, background: tuple[int, int, int]) -> np.ndarray:
    """Lay an RGBA image over one colour."""
    base = Image.new("RGBA", image.size, (*background, 255))
    return np.array(Image.alpha_composite(base, image).convert("RGB"))


def eight_bits(values: np.ndarray, mode: str, format: str | None) -> np.ndarray:
    """Scale 16-bit and float grey values to eight bits.

    Pillow's own conversion cuts them off at 255 instead, so that a 16-bit ramp gets two levels.
    """
    if mode == "F":
        low, high = float(np.min(values)), float(np.max(values))
        if not (low >= 0 and high <= 1):
            raise ImageError(
                f"holds float values from {low:g} to {high:g}, and only [0, 1] has a known "
                "meaning; scale it to [0, 1] or save it with 8 or 16 bits"
            )
        return np.rint(values * 255).astype(np.uint8)
    if mode == "I" and format not in ("PNG", "PPM"):
        raise ImageError(
            "holds 32-bit integers, whose range is not known; save it with 8 or 16 bits"
        )
    # 65535 = 257 * 255, so that black and white stay exact.
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
