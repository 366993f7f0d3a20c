"""What is done to an image before a network with published weights may see it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxcnn.checks import Report
from jaxcnn.images.pixels import to_pixels
from jaxcnn.images.resize import FILTERS, Filter, resize


@dataclasses.dataclass(frozen=True)
class ImageTransform:
    r"""The evaluation preprocessing of a set of weights, to the last digit.

    The shorter side becomes `resize` pixels long (antialiased, as Pillow does it; the longer one
    keeps the proportion, truncated to whole pixels), the middle of `crop` pixels is cut out,
    and a byte $b$ becomes $(b / 255 - m) / s$ with the mean $m$ and deviation $s$ of its channel.

    With `crop_first` the middle is cut out of the original instead, its side the share
    `crop / resize` of the shorter one, and then resized once: how TensorFlow's EfficientNets
    were evaluated.

    Files are read by `images.read`: turned upright, palettes, CMYK, transparency and 16 bits
    understood, decompression bombs refused.

    Attributes:
        crop: Height and width of the result in pixels, >= 1.
        resize: Length of the shorter side before the crop, in pixels, >= `crop`.
        interpolation: Resampling filter, one of those of `images.resize`.
        mean: Mean of each channel on the scale of [0, 1]; its length, 1 or 3, is the number of
            channels that come out.
        std: Deviation of each channel on the same scale, > 0.
        crop_first: Whether the crop comes before the resizing.

    Raises:
        ArgumentError: If a value is not of the kind above.

    Example:
        >>> transform = ImageTransform(crop=224, resize=256)
        >>> transform(np.zeros((300, 400, 3), np.uint8)).shape
        (1, 224, 224, 3)
        >>> hash(transform) == hash(ImageTransform(224, 256))
        True

    Reference:
        torchvision, `transforms._presets.ImageClassification` on Pillow images. TensorFlow's
        EfficientNet, `preprocessing.py`, `_decode_and_center_crop`.
    """

    crop: int
    resize: int
    interpolation: Filter = "bilinear"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    crop_first: bool = False

    def __post_init__(self) -> None:
        report = Report("ImageTransform")
        crop = report.count("crop", self.crop)
        report.count("resize", self.resize, low=crop)
        report.choice("interpolation", self.interpolation, list(FILTERS))
        fix = "give one number a channel, e.g. mean=(0.5,), std=(0.25,) for grey images"
        for name, values in (("mean", self.mean), ("std", self.std)):
            rule = "must be a tuple of 1 or 3 numbers"
            report.expect(isinstance(values, tuple) and len(values) in (1, 3), name, values, rule,
                          fix)  # fmt: skip
        if not report.problems:
            same = len(self.mean) == len(self.std)
            report.expect(same, "std", self.std, f"must be as long as mean={self.mean}", fix)
            report.expect(min(self.std) > 0, "std", self.std, "must be > 0", "use 1.0 for none")
        report.done()

    @property
    def channels(self) -> int:
        """Channels of the result."""
        return len(self.mean)

    def __call__(self, images: Any) -> np.ndarray:
        """Return what the network takes.

        Args:
            images: One image: a path, the bytes of a file, a file opened for reading bytes, a
                Pillow image, or an array (H, W), (H, W, C) of uint8 or, if grey, uint16, C in
                (1, 3, 4). Or a batch: an array (N, H, W, C), or a list or tuple of images of any
                sizes.

        Returns:
            float32 (N, crop, crop, channels), N = 1 for one image.

        Raises:
            ImageError: If a file cannot be used.
            TypeError: If `images` is something else, such as floating-point.
            ValueError: If its shape is, or if there is no image.
        """
        return self.normalize(self.pixels(images))

    def pixels(self, images: Any) -> np.ndarray:
        """Return the images resized and cropped, still as bytes: uint8 (N, crop, crop, channels).

        Args:
            images: As for a call.
        """
        return np.stack([self._cut(to_pixels(image, self.channels)) for image in split(images)])

    def normalize(self, pixels: np.ndarray) -> np.ndarray:
        """Return bytes (..., channels) as the network takes them, float32.

        Args:
            pixels: uint8, what `pixels` returns.
        """
        # float32 and in this order, as torchvision computes it.
        values = pixels.astype(np.float32) / np.float32(255)
        return (values - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)

    def grey(self) -> "ImageTransform":
        """Return the same for grey images: mean and deviation become those of all channels."""
        mean, std = float(np.mean(self.mean)), float(np.mean(self.std))
        return dataclasses.replace(self, mean=(mean,), std=(std,))

    def _cut(self, image: np.ndarray) -> np.ndarray:
        height, width, _ = image.shape
        if self.crop_first:
            share = np.float32(self.crop / self.resize)
            side = max(1, int(share * np.float32(min(height, width))))
            image = middle(image, side, (height - side + 1) // 2, (width - side + 1) // 2)
            return resize(image, (self.crop, self.crop), filter=self.interpolation)
        image = resize(image, self.resize, filter=self.interpolation)
        # Python rounds halves to even, and torchvision relies on it.
        top, left = (round((length - self.crop) / 2) for length in image.shape[:2])
        return middle(image, self.crop, top, left)


def middle(image: np.ndarray, side: int, top: int, left: int) -> np.ndarray:
    """Return a square of an image."""
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def split(images: Any) -> Sequence[Any]:
    """Return a batch as a sequence of images; one image becomes a batch of one.

    Raises:
        ValueError: If the batch is empty.
    """
    if not isinstance(images, list | tuple):
        images = list(np.asarray(images)) if getattr(images, "ndim", 0) == 4 else [images]
    if not images:
        raise ValueError("images is empty; at least one image is needed")
    return images
