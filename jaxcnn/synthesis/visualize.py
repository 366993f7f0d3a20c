"""What a class, a unit or a direction looks like: images that excite it most."""

from typing import Any

from flax import linen as nn

from jaxcnn.synthesis.engine import Synthesis, optimize
from jaxcnn.synthesis.fourier import Fourier
from jaxcnn.synthesis.looks import Looks
from jaxcnn.synthesis.pixels import Pixels
from jaxcnn.synthesis.priors import Norm, TotalVariation
from jaxcnn.synthesis.terms import Maximize
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Shape, Variables

FREE, SPECTRUM = Pixels(noise=0.0, box=False), Fourier()
MANY = Looks(jitter=16, scale=0.4, rotate=15.0, blur=2.0)


def class_model(
    model: nn.Module,
    variables: Variables,
    classes: int | Array,
    start: Array | Shape,
    *,
    decay: float = 0.01,
    variation: float = 0.0,
    beta: float = 2.0,
    **options: Any,
) -> Synthesis:
    r"""Return :math:`\arg\max_x s_c(x) - \lambda \|x\|^2`, the class as the network has it.

    As in the paper: the logit rather than the probability, pixels without limits from the mean
    image (here grey) on, one look. The images show what the network asks for, most of which is
    high frequencies; for pictures see `visualize`.

    Args:
      model: A classifier.
      variables: Its variables.
      classes: One class, or one for each image (N,).
      start: Images (N, H, W, C) in [0, 1], or a shape, of grey ones.
      decay: The factor lambda, of the squared distance from grey in [0, 1].
      variation: Factor of the total variation.
      beta: Exponent of the total variation.
      **options: Of `optimize`: `steps`, `rate`, `transform`, ...

    Returns:
      `(images, losses, params)` as `optimize`; images are clipped to [0, 1], params are not.

    Raises:
      ValueError: If a class is not there.

    Source: Simonyan et al. 2013, "Deep inside convolutional networks", section 2.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxcnn import create_model
      >>> model, shape = create_model("convnet"), (1, 32, 32, 3)
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(shape))
      >>> jax.eval_shape(lambda v: class_model(model, v, 3, shape, steps=2), variables).images.shape
      (1, 32, 32, 3)
    """
    terms = [Maximize(classes), Norm(decay), TotalVariation(variation, beta)]
    options = {"parametrisation": FREE, **options}
    return optimize(model, variables, terms, start, **options)


def visualize(
    model: nn.Module,
    variables: Variables,
    target: int | Array | Target,
    start: Array | Shape,
    *,
    variation: float = 0.0,
    beta: float = 2.0,
    **options: Any,
) -> Synthesis:
    """Return images that excite a class, a neuron, a channel or a direction, and look natural.

    The image is a spectrum with decorrelated colours, and is seen shifted, scaled, rotated
    and blurred: what excites the unit must do so from every look.

    Args:
      model: Any Linen module.
      variables: Its variables.
      target: A class, classes (N,), or a target of `jaxcnn.taps` such as `Neuron`, `Channel`,
        `Direction` or `Difference`; one with arrays makes a different image of each. Name a place
        before its ReLU: a unit that is dark at the start has no gradient behind it.
      start: Images (N, H, W, C) in [0, 1], or a shape, of random ones.
      variation: Factor of the total variation.
      beta: Exponent of the total variation.
      **options: Of `optimize`: `steps`, `rate`, `looks`, `transform`, ...

    Returns:
      `(images, losses, params)` as `optimize`.

    Raises:
      ValueError: If the target is not there.

    Source: Erhan et al. 2009, "Visualizing higher-layer features of a deep network"; Olah et al.
    2017, "Feature visualization".

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxcnn import create_model
      >>> from jaxcnn.taps import Channel
      >>> model, shape = create_model("convnet"), (2, 32, 32, 3)
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(shape))
      >>> unit = Channel("stage1/conv1", jnp.array([0, 5]))
      >>> run = lambda v: visualize(model, v, unit, shape, steps=2)
      >>> jax.eval_shape(run, variables).images.shape
      (2, 32, 32, 3)
    """
    terms = [Maximize(target), TotalVariation(variation, beta)]
    options = {"parametrisation": SPECTRUM, "looks": MANY, **options}
    return optimize(model, variables, terms, start, **options)
