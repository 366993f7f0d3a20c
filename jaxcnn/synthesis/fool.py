"""Images that a network takes for something else, whatever they show."""

from typing import Any

from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.synthesis.attacks import Attacked, asked, attacked
from jaxcnn.synthesis.descent import STEEPEST
from jaxcnn.synthesis.engine import optimize
from jaxcnn.synthesis.terms import Margin
from jaxcnn.typing import Array, Variables


def fool(
    model: nn.Module,
    variables: Variables,
    x: Array,
    classes: int | Array,
    *,
    lead: float = 3.0,
    steps: int = 100,
    rate: float = 0.25,
    transform: Any = None,
    **options: Any,
) -> Attacked:
    """Return images changed until the network gives a class, by ascent of its lead.

    Begin with a photograph, and it will still look like one; with noise, and it is a fooling
    image. No ball bounds the change, but each image stops where its class leads enough.

    Args:
      model: A classifier.
      variables: Its variables.
      x: Images (N, H, W, C) in [0, 1].
      classes: The class to give, or one for each image (N,).
      lead: By how much its logit shall be above all others.
      steps: Number of steps, at most.
      rate: Euclidean length of a step.
      transform: As in `optimize`.
      **options: Of `optimize`.

    Returns:
      `(images, success, distance, classes)`; distances are Euclidean.

    Raises:
      ValueError: If a class is not there, or x is not in [0, 1].

    Source: Nguyen et al. 2015, "Deep neural networks are easily fooled", section 3.3.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxcnn import create_model
      >>> model, x = create_model("convnet"), jnp.zeros((1, 32, 32, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: fool(model, v, x, 3), variables, x).success.shape
      (1,)
    """
    report = Report("fool", x)
    network, x, classes = asked(report, model, variables, x, classes, True, transform)
    found = optimize(
        model, variables, Margin(classes, lead), x, optimizer=STEEPEST["l2"], rate=rate,
        steps=steps, transform=transform, **options,
    )  # fmt: skip
    return attacked(network, x, found.images, classes, "l2", True)
