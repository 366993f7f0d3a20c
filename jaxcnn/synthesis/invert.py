"""What a layer still knows of an image: another image with the same features."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.synthesis.engine import Synthesis, optimize
from jaxcnn.synthesis.matching import Along, Match, values_at
from jaxcnn.synthesis.network import expect_images, expect_layers, network_of
from jaxcnn.synthesis.priors import Norm, TotalVariation
from jaxcnn.synthesis.visualize import MANY, SPECTRUM
from jaxcnn.typing import Array, Variables


def invert(
    model: nn.Module,
    variables: Variables,
    x: Array,
    at: str | Sequence[str],
    *,
    variation: float = 1.0,
    beta: float = 2.0,
    decay: float = 0.0,
    alpha: float = 6.0,
    transform: Any = None,
    **options: Any,
) -> Synthesis:
    r"""Return :math:`\arg\min_x \frac{\|\Phi(x) - \Phi_0\|^2}{\|\Phi_0\|^2} + \lambda V_\beta(x)`.

    From noise on, so that all that the result shows has come through the layer. The priors are
    divided by the number of pixels.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C) in [0, 1].
      at: The layer, or several.
      variation: The factor lambda of the total variation.
      beta: Exponent of the total variation.
      decay: Factor of the distance from grey.
      alpha: Exponent of the distance from grey.
      transform: As in `optimize`.
      **options: Of `optimize`: `steps`, `rate`, ...

    Returns:
      `(images, losses, params)` as `optimize`; images of other noise with another `key`.

    Raises:
      ValueError: If a layer is not there, or x is not in [0, 1].

    Source: Mahendran & Vedaldi 2015, "Understanding deep image representations by inverting
    them", equations 1 to 3.

    Example:
      >>> import jax
      >>> from jaxcnn import create_model
      >>> model, x = create_model("convnet"), jnp.zeros((1, 32, 32, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> run = lambda v, x: invert(model, v, x, "stage1", steps=2)
      >>> jax.eval_shape(run, variables, x).images.shape
      (1, 32, 32, 3)
    """
    report = Report("invert", x)
    expect_images(report, "x", x)
    places = expect_layers(report, "at", at)
    network = network_of(report, model, variables, transform)
    x, pixels = jnp.asarray(x), x.shape[1] * x.shape[2]
    terms = [
        Match(values_at(network, x, places), relative=True),
        TotalVariation(variation / pixels, beta),
        Norm(decay / pixels, alpha),
    ]
    return optimize(model, variables, terms, x.shape, transform=transform, **options)


def caricature(
    model: nn.Module,
    variables: Variables,
    x: Array,
    at: str | Sequence[str],
    *,
    power: float = 2.0,
    variation: float = 0.0,
    transform: Any = None,
    **options: Any,
) -> Synthesis:
    r"""Return images whose features go farther in the direction of those of x: exaggerations.

    Args:
      model: Any Linen module.
      variables: Its variables.
      x: Images (N, H, W, C) in [0, 1].
      at: The layer, or several.
      power: How closely the direction is kept; see `Along`.
      variation: Factor of the total variation.
      transform: As in `optimize`.
      **options: Of `optimize`: `steps`, `rate`, `looks`, ...

    Returns:
      `(images, losses, params)` as `optimize`.

    Raises:
      ValueError: If a layer is not there, or x is not in [0, 1].

    Source: Olah et al. 2018, "The building blocks of interpretability".

    Example:
      >>> import jax
      >>> from jaxcnn import create_model
      >>> model, x = create_model("convnet"), jnp.zeros((1, 32, 32, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> run = lambda v, x: caricature(model, v, x, "stage2", steps=2)
      >>> jax.eval_shape(run, variables, x).images.shape
      (1, 32, 32, 3)
    """
    report = Report("caricature", x)
    expect_images(report, "x", x)
    places = expect_layers(report, "at", at)
    network = network_of(report, model, variables, transform)
    values = values_at(network, jnp.asarray(x), places)
    terms = [Along(values, power), TotalVariation(variation)]
    options = {"parametrisation": SPECTRUM, "looks": MANY, **options}
    return optimize(model, variables, terms, jnp.shape(x), transform=transform, **options)
