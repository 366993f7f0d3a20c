"""One change that makes a network err on many images."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.synthesis.attacks import asked, attacked, expect_eps
from jaxcnn.synthesis.descent import STEEPEST
from jaxcnn.synthesis.engine import optimize
from jaxcnn.synthesis.pixels import Shared
from jaxcnn.synthesis.terms import CrossEntropy
from jaxcnn.typing import Array, Variables


class Universal(NamedTuple):
    """What `universal` found.

    Example:
      >>> Universal(0.0, jnp.array([True, False])).success.mean()
      Array(0.5, dtype=float32)
    """

    change: Array
    """To be added to any image, which is then clipped to [0, 1]; (1, H, W, C)."""
    success: Array
    """On which of the images it succeeds, (N,)."""


def universal(
    model: nn.Module,
    variables: Variables,
    x: Array,
    classes: int | Array | None = None,
    *,
    eps: float,
    steps: int = 100,
    step_size: float | None = None,
    targeted: bool = False,
    transform: Any = None,
    **options: Any,
) -> Universal:
    r"""Return :math:`\arg\max_\delta \sum_n L(x_n + \delta, c_n)`, no value of it beyond eps.

    Args:
      model: A classifier.
      variables: Its variables.
      x: Images (N, H, W, C) in [0, 1], the more the better it works on others.
      classes: As in `fgsm`.
      eps: The largest change of a value.
      steps: Number of steps.
      step_size: Length of a step; None for 10 eps / steps.
      targeted: Whether to get to the classes.
      transform: As in `optimize`.
      **options: Of `optimize`.

    Returns:
      `(change, success)`.

    Raises:
      ValueError: As `pgd`.

    Source: Moosavi-Dezfooli et al. 2017, "Universal adversarial perturbations"; by ascent:
    Shafahi et al. 2018, "Universal adversarial training", section 4.

    Example:
      >>> import jax
      >>> from jaxcnn import create_model
      >>> model, x = create_model("convnet"), jnp.zeros((2, 32, 32, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: universal(model, v, x, eps=0.1), variables, x).change.shape
      (1, 32, 32, 3)
    """
    report = Report("universal", x)
    expect_eps(report, eps, x)
    report.expect(jnp.ndim(eps) == 0, "eps", eps, "must be one number", "use e.g. eps=10 / 255")
    network, x, classes = asked(report, model, variables, x, classes, targeted, transform)
    shared = Shared(x, jnp.asarray(eps, x.dtype))
    size = 10 * eps / steps if step_size is None else step_size
    found = optimize(
        model, variables, CrossEntropy(classes, away=not targeted), x, parametrisation=shared,
        optimizer=STEEPEST["linf"], rate=jnp.asarray(size), steps=steps, transform=transform,
        **options,
    )  # fmt: skip
    reached = attacked(network, x, found.images, classes, "linf", targeted)
    return Universal(found.params, reached.success)
