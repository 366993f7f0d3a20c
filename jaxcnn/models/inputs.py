"""What every model expects of its input, and gives as its output."""

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
      TypeError: If `x` is not floating-point.
      ValueError: If its rank is not 4, its channels come first, or it is too small.

    >>> check_images("lenet5", jnp.zeros((2, 8, 8, 1)), 16, "pool2")
    Traceback (most recent call last):
    jaxcnn.checks.ArgumentError: lenet5: x=<float32 array of shape (2, 8, 8, 1)>: must be at least
    16 pixels high and wide: less leaves layer 'pool2' no input; input shape (2, 8, 8, 1).
    Fix: resize the images to 16x16 or more
    """
    report = Report(model, x.shape)
    report.floating("x", x)
    images = "must be a batch of images (N, H, W, C)"
    if report.expect(x.ndim == 4, "x", x, images, "add or remove axes: one image is x[None]"):
        hint = channel_last_hint(x.shape)
        swapped = looks_channel_first(x.shape) and x.shape[-1] not in (1, 3)
        report.expect(not swapped, "x", x, images, hint)
        if not swapped:
            rule = (
                f"must be at least {min_size} pixels high and wide: less leaves layer {layer!r} "
                "no input"
            )
            fix = f"resize the images to {min_size}x{min_size} or more"
            report.expect(min(x.shape[1:3]) >= min_size, "x", x, rule, fix)
    report.done()


def as_logits(x: Array) -> Array:
    """Return logits in float32 at least, whatever the type of the computation.

    >>> as_logits(jnp.zeros((2, 10), jnp.bfloat16)).dtype
    dtype('float32')
    """
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
