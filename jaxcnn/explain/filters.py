"""The weights that look at the image itself."""

import math

import numpy as np
from flax import linen as nn
from flax import traverse_util

from jaxcnn.checks import Report
from jaxcnn.taps.arguments import inputs_of, split
from jaxcnn.taps.listing import list_places, resolve
from jaxcnn.typing import Array, Shape, Variables


def filters(
    model: nn.Module, variables: Variables, x: Array, *, at: str | None = None
) -> np.ndarray:
    """Return the kernels of the first layer as images, one for each filter.

    Those of a convolution are as large as its window; the rows of a first linear layer, which
    sees all pixels at once, are templates as large as the image.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C); only their shape matters.
      at: Another convolution, or a module that begins with one; None for the first of the model.

    Returns:
      Kernels (F, h, w, C / groups), or templates (F, H, W, C), of both signs, as they are stored;
      `images.around_grey` shows them.

    Raises:
      ValueError: If there is no such place, or no kernel there.

    Source: Krizhevsky et al. 2012, "ImageNet classification", figure 3.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((1, 32, 32, 1))
      >>> filters(model, model.init(jax.random.key(0), x), x).shape
      (6, 5, 5, 1)
    """
    report = Report("filters", x)
    setting, _ = split("filters", model, False, None, {})
    listing = list_places(setting, inputs_of(variables, x, None, {}))
    inside = () if at is None else resolve(listing, [at], report).get(at, ((),))[0]
    report.done()
    paths = dict.fromkeys(place.path for place in listing.places.values())
    flat = traverse_util.flatten_dict(dict(variables))
    kernels = (flat.get(("params", *p, "kernel")) for p in paths if p[: len(inside)] == inside)
    images = (as_images(np.asarray(k), x.shape[1:]) for k in kernels if k is not None)
    found = next((image for image in images if image is not None), None)
    rule = "holds no kernel (h, w, C, F), nor a linear layer on the pixels"
    fix = "name a convolution; jaxcnn.taps.list_taps(model, x) lists all places"
    report.expect(found is not None, "at", at, rule, fix)
    report.done()
    assert found is not None
    return found


def as_images(kernel: np.ndarray, shape: Shape) -> np.ndarray | None:
    """Return a kernel (h, w, C, F), or one on all pixels (H * W * C, F), with the filters first.

    >>> as_images(np.zeros((12, 5)), (2, 2, 3)).shape, as_images(np.zeros((9, 5)), (2, 2, 3))
    ((5, 2, 2, 3), None)
    """
    if kernel.ndim == 4:
        return np.moveaxis(kernel, -1, 0)
    if kernel.ndim == 2 and len(kernel) == math.prod(shape):
        return kernel.T.reshape(-1, *shape)
    return None
