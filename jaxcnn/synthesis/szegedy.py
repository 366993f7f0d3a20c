"""The nearest image of another class, by L-BFGS: the first adversarial examples."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.synthesis.attacks import Attacked, asked, attacked
from jaxcnn.synthesis.descent import LBFGS
from jaxcnn.synthesis.engine import optimize
from jaxcnn.synthesis.terms import CrossEntropy, Distance
from jaxcnn.typing import Array, Variables


def nearest_adversary(
    model: nn.Module,
    variables: Variables,
    x: Array,
    classes: int | Array,
    *,
    weight: float = 0.1,
    searches: int = 8,
    steps: int = 32,
    transform: Any = None,
    **options: Any,
) -> Attacked:
    r"""Return :math:`\arg\min_r c \|r\| + L(x + r, l)`, with the largest c that still succeeds.

    The factor c is searched for each image, by tenfold steps until it fails once and succeeds
    once, then by bisection of its logarithm; the nearest image that the network takes for the
    target is kept. The line search of L-BFGS is one for all images of a batch.

    Args:
      model: A classifier.
      variables: Its variables.
      x: Images (N, H, W, C) in [0, 1].
      classes: The target l, one or one for each image.
      weight: The factor c of the first search.
      searches: Number of searches.
      steps: Steps of each.
      transform: As in `optimize`.
      **options: Of `optimize`.

    Returns:
      `(images, success, distance, classes)`; distances are Euclidean. Where no search succeeds
      the image is the unchanged one.

    Raises:
      ValueError: If a class is not there, or x is not in [0, 1].

    Source: Szegedy et al. 2013, "Intriguing properties of neural networks", section 4.1.

    Example:
      >>> import jax
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((1, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> run = lambda v, x: nearest_adversary(model, v, x, 3, searches=1, steps=1)
      >>> jax.eval_shape(run, variables, x).distance.shape
      (1,)
    """
    report = Report("nearest_adversary", x)
    report.count("searches", searches)
    report.expect(weight > 0, "weight", weight, "must be > 0", "use 0.1")
    network, x, classes = asked(report, model, variables, x, classes, True, transform)
    factor = jnp.full(len(x), weight, x.dtype)
    low, high = jnp.zeros_like(factor), jnp.full_like(factor, jnp.inf)
    best, nearest = x, jnp.full_like(factor, jnp.inf)
    for _ in range(searches):
        terms = [Distance(x, factor), CrossEntropy(classes)]
        how = {"optimizer": LBFGS, "rate": 1.0, "steps": steps, "transform": transform}
        found = optimize(model, variables, terms, x, **how, **options)
        reached = attacked(network, x, found.images, classes, "l2", True)
        better = reached.success & (reached.distance < nearest)
        best = jnp.where(better[:, None, None, None], reached.images, best)
        nearest = jnp.where(better, reached.distance, nearest)
        low = jnp.where(reached.success, factor, low)
        high = jnp.where(reached.success, high, factor)
        between = jnp.where(low > 0, jnp.sqrt(low * high), high / 10)
        factor = jnp.where(jnp.isinf(high), low * 10, between)
    return attacked(network, x, best, classes, "l2", True)
