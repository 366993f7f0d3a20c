"""DeepDream: what a layer sees in an image, more of it, at all scales."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report, is_number
from jaxcnn.synthesis.descent import STEEPEST
from jaxcnn.synthesis.engine import Frame, Synthesis, optimize
from jaxcnn.synthesis.looks import Looks
from jaxcnn.synthesis.network import expect_images
from jaxcnn.synthesis.octaves import resized, sizes
from jaxcnn.synthesis.terms import Maximize
from jaxcnn.taps import Layer
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Key, Variables

JITTER = 32


def dream(
    model: nn.Module,
    variables: Variables,
    x: Array,
    at: str | Target,
    *,
    octaves: int = 4,
    ratio: float = 1.4,
    steps: int = 20,
    rate: float = 0.01,
    looks: Looks | None = None,
    least: int = 64,
    key: Key | None = None,
    on_frame: Callable[[Frame], Any] | None = None,
    **options: Any,
) -> Synthesis:
    r"""Return images in which a layer is more excited, :math:`\max_x \frac12 \|\Phi(x)\|^2`.

    On a small copy first; what was dreamt there is enlarged and added to the next larger copy of
    the image, octave by octave. A step goes by `rate` where the gradient, smoothed at three scales,
    is as large as its mean.

    Args:
      model: Any Linen module that takes images of any size.
      variables: Its variables.
      x: Images (N, H, W, C) in [0, 1].
      at: A layer; or any target, such as `Channel` or a class, to dream of that.
      octaves: Number of sizes, at least 1.
      ratio: Of two of them, > 1.
      steps: Steps in each octave.
      rate: Length of a step, in units of the pixels.
      looks: Random looks; None for shifts by up to 32 pixels, an eighth of the side at most.
      least: Octaves whose shorter side has fewer pixels are left out.
      key: Random key, None for always the same.
      on_frame: As in `optimize`, for each octave; the images grow.
      **options: Of `optimize`: `transform`, `every`, ...

    Returns:
      `(images, losses, params)` of the last octave, the losses of all.

    Raises:
      ValueError: If the layer is not there, x is not in [0, 1], or a number cannot be meant.

    Source: Mordvintsev et al. 2015, "Inceptionism: going deeper into neural networks".

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("resnet20"), jnp.zeros((1, 40, 36, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> run = lambda v, x: dream(model, v, x, "stage2", octaves=2, least=16, steps=1)
      >>> jax.eval_shape(run, variables, x).images.shape
      (1, 40, 36, 3)
    """
    report = Report("dream", x)
    report.count("octaves", octaves)
    ok = is_number(ratio) and ratio > 1
    report.expect(ok, "ratio", ratio, "must be a number > 1", "use 1.4")
    expect_images(report, "x", x)
    report.done()
    terms = [Maximize(Layer(at) if isinstance(at, str) else at)]
    x, key = jnp.asarray(x), jax.random.key(0) if key is None else key
    dreamt: Any = None
    found: Any = None
    losses = []
    for i, size in enumerate(sizes(x.shape, octaves, ratio, least)):
        base = resized(x, size)
        start = base if dreamt is None else jnp.clip(base + enlarged(dreamt, size), 0, 1)
        found = optimize(
            model, variables, terms, start, optimizer=STEEPEST["smooth"], rate=rate, steps=steps,
            looks=looks or Looks(jitter=min(JITTER, min(size) // 8)),
            key=jax.random.fold_in(key, i), on_frame=on_frame, **options,
        )  # fmt: skip
        losses.append(found.losses)
        dreamt = found.images - base
    return Synthesis(found.images, jnp.concatenate(losses), found.params)


def enlarged(change: Array, size: tuple[int, int]) -> Array:
    """Return what was dreamt, of another size."""
    return jax.image.resize(change, (change.shape[0], *size, change.shape[3]), "linear")
