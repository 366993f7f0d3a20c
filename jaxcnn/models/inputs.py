"""What every model expects of its input, and gives as its output."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp

from jaxcnn.checks import Report, channel_last_hint, looks_channel_first
from jaxcnn.typing import Array


def check_images(model: str, x: Array, min_size: int, layer: str) -> None:
    """Refuse what is not a batch of images that the architecture can take.

    Args:
      model: Name of the model, which opens the message.
      x: The input; a batch of images (N, H, W, C), floating-point.
      min_size: Smallest height and width, in pixels.
      layer: Path of the layer that asks for this size: a smaller image leaves it nothing to see.

    Raises:
      TypeError: If `x` is not an array of real floating-point numbers.
      ValueError: If its rank is not 4, its channels come first, it is empty or too small.

    >>> check_images("lenet5", jnp.zeros((2, 8, 8, 1)), 16, "pool2")
    Traceback (most recent call last):
    jaxcnn.checks.ArgumentError: lenet5: x=<float32 array of shape (2, 8, 8, 1)>: must be at least
    16 pixels high and wide: less leaves layer 'pool2' no input; input shape (2, 8, 8, 1).
    Fix: resize the images to 16x16 or more
    """
    report = Report(model, x)
    real = report.floating("x", x)
    if not hasattr(x, "ndim"):
        report.done()
    rule, fix = "must be real, got complex numbers", "pass e.g. jnp.abs(x)"
    report.expect(not (real and jnp.iscomplexobj(x)), "x", x, rule, fix, kind=True)
    images = "must be a batch of images (N, H, W, C)"
    if report.expect(x.ndim == 4, "x", x, images, "add or remove axes: one image is x[None]"):
        rule, fix = "must hold at least one image", "leave empty batches out"
        report.expect(x.shape[0] >= 1, "x", x, rule, fix)
        rule, fix = "must have at least one channel", "pass grey images as x[..., None]"
        report.expect(x.shape[3] >= 1, "x", x, rule, fix)
        hint = channel_last_hint(x.shape)
        # Also where it is oblong: no image is 3 pixels high and has 8 channels.
        swapped = x.shape[1] == 3 and min(x.shape[2:]) >= 8
        swapped |= looks_channel_first(x.shape) and x.shape[-1] not in (1, 3)
        report.expect(not swapped, "x", x, images, hint)
        if not swapped:
            rule = (
                f"must be at least {min_size} pixels high and wide: less leaves layer {layer!r} "
                "no input"
            )
            fix = f"resize the images to {min_size}x{min_size} or more"
            report.expect(min(x.shape[1:3]) >= min_size, "x", x, rule, fix)
    report.done()


class Window(NamedTuple):
    """A layer that slides over the image: what its output's size depends on.

    Attributes:
      kernel_size: Height and width of its window.
      stride: Step between windows.
      padding: Pixels added on each side.
      ceil_mode: Whether a last window may hang over the border.
    """

    kernel_size: int
    stride: int = 1
    padding: int = 0
    ceil_mode: bool = False


def smallest_input(windows: Sequence[Window]) -> int:
    """Return the smallest height and width for which each layer has an output.

    Args:
      windows: The layers, the first one first.

    >>> smallest_input([Window(5), Window(2, 2), Window(5), Window(2, 2)])
    16
    """
    size = 1
    for kernel_size, stride, padding, ceil_mode in reversed(windows):
        hangs = stride - 1 if ceil_mode and size > 1 else 0  # the first window fits
        size = max(1, (size - 1) * stride + kernel_size - 2 * padding - hangs)
    return size


def as_logits(x: Array) -> Array:
    """Return logits in float32 at least, whatever the type of the computation.

    >>> as_logits(jnp.zeros((2, 10), jnp.bfloat16)).dtype
    dtype('float32')
    """
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
