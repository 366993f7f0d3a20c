"""Small changes after which a network errs: FGSM, its iteration, PGD."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.core import Tracer

from jaxcnn.checks import Report
from jaxcnn.synthesis.descent import STEEPEST
from jaxcnn.synthesis.engine import optimize
from jaxcnn.synthesis.network import Network, expect_images, network_of
from jaxcnn.synthesis.pixels import Ball, each, norms
from jaxcnn.synthesis.terms import CrossEntropy
from jaxcnn.typing import Array, Variables

NORMS = ("linf", "l2")


class Attacked(NamedTuple):
    """What an attack found.

    Example:
      >>> Attacked(None, jnp.array([True]), jnp.array([0.1]), None).success.mean()
      Array(1., dtype=float32)
    """

    images: Array
    """(N, H, W, C) in [0, 1]."""
    success: Array
    """Whether the network gives the target, or, without one, another class than the true, (N,)."""
    distance: Array
    """From the images before: the largest change of a value (`linf`), or Euclidean (`l2`), (N,)."""
    classes: Array
    """What the network gives now, (N,)."""


def fgsm(
    model: nn.Module,
    variables: Variables,
    x: Array,
    classes: int | Array | None = None,
    *,
    eps: float | Array,
    targeted: bool = False,
    transform: Any = None,
) -> Attacked:
    r"""Return :math:`x + \epsilon \, \mathrm{sign} \, \nabla_x L(x, c)`, in [0, 1].

    Args:
      model: A classifier.
      variables: Its variables.
      x: Images (N, H, W, C) in [0, 1].
      classes: The true class or classes (N,), to get away from; None for those that the network
        gives. With `targeted` those to get to.
      eps: The change of a value, a number or one for each image (N,).
      targeted: Whether to get to the classes.
      transform: As in `optimize`.

    Returns:
      `(images, success, distance, classes)`.

    Raises:
      ValueError: If eps < 0, a class is not there, or x is not in [0, 1].

    Source: Goodfellow et al. 2014, "Explaining and harnessing adversarial examples", section 4.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("convnet"), jnp.zeros((2, 32, 32, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> jax.eval_shape(lambda v, x: fgsm(model, v, x, eps=8 / 255), variables, x).success.shape
      (2,)
    """
    options = {"eps": eps, "targeted": targeted, "transform": transform}
    return pgd(model, variables, x, classes, steps=1, step_size=eps, random_start=False, **options)


def iterative(
    model: nn.Module,
    variables: Variables,
    x: Array,
    classes: int | Array | None = None,
    *,
    eps: float | Array,
    steps: int = 10,
    step_size: float | Array | None = None,
    norm: str = "linf",
    targeted: bool = False,
    **options: Any,
) -> Attacked:
    """Return what many small steps of FGSM find, the basic iterative method: PGD from x on.

    Args:
      model: A classifier.
      variables: Its variables.
      x: Images (N, H, W, C) in [0, 1].
      classes: As in `fgsm`.
      eps: The largest distance, a number or one for each image (N,).
      steps: Number of steps.
      step_size: Length of a step; None for 2.5 eps / steps.
      norm: `"linf"` or `"l2"`.
      targeted: Whether to get to the classes.
      **options: Of `optimize`: `transform`, `every`, `on_frame`.

    Returns:
      `(images, success, distance, classes)`.

    Raises:
      ValueError: As `pgd`.

    Source: Kurakin et al. 2016, "Adversarial examples in the physical world", section 2.2.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("convnet"), jnp.zeros((2, 32, 32, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> found = jax.eval_shape(lambda v, x: iterative(model, v, x, eps=0.1), variables, x)
      >>> found.distance.shape
      (2,)
    """
    how = {"steps": steps, "step_size": step_size, "norm": norm, "targeted": targeted}
    return pgd(model, variables, x, classes, eps=eps, random_start=False, **how, **options)


def pgd(
    model: nn.Module,
    variables: Variables,
    x: Array,
    classes: int | Array | None = None,
    *,
    eps: float | Array,
    steps: int = 40,
    step_size: float | Array | None = None,
    norm: str = "linf",
    targeted: bool = False,
    random_start: bool = True,
    transform: Any = None,
    **options: Any,
) -> Attacked:
    r"""Return what steepest ascent of the loss finds in a ball, :math:`\|x' - x\|_p \le \epsilon`.

    After each step it moves to the nearest point of the ball, and to [0, 1].

    Args:
      model: A classifier.
      variables: Its variables.
      x: Images (N, H, W, C) in [0, 1].
      classes: As in `fgsm`.
      eps: The radius, a number or one for each image (N,).
      steps: Number of steps.
      step_size: Length of a step, a number or one for each image; None for 2.5 eps / steps.
      norm: `"linf"`: the largest change of a value; `"l2"`: Euclidean, over all values.
      targeted: Whether to get to the classes.
      random_start: Whether to begin from a random point of the ball.
      transform: As in `optimize`.
      **options: Of `optimize`: `key`, `every`, `on_frame`.

    Returns:
      `(images, success, distance, classes)`, those after the last step.

    Raises:
      ValueError: If eps < 0, a class is not there, x is not in [0, 1], or norm is unknown.

    Source: Madry et al. 2017, "Towards deep learning models resistant to adversarial attacks".

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("convnet"), jnp.zeros((2, 32, 32, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> found = jax.eval_shape(lambda v, x: pgd(model, v, x, eps=1.0, norm="l2"), variables, x)
      >>> found.images.shape, found.classes.shape
      ((2, 32, 32, 3), (2,))
    """
    report = Report("pgd", x)
    report.choice("norm", norm, NORMS)
    expect_eps(report, eps, x)
    report.count("steps", steps)
    network, x, classes = asked(report, model, variables, x, classes, targeted, transform)
    size = 2.5 * jnp.asarray(eps) / steps if step_size is None else step_size
    ball = Ball(x, jnp.broadcast_to(jnp.asarray(eps, x.dtype), len(x)), norm)
    found = optimize(
        model, variables, CrossEntropy(classes, away=not targeted),
        x.shape if random_start else x, parametrisation=ball, optimizer=STEEPEST[norm],
        rate=each(size, x), steps=steps, transform=transform, **options,
    )  # fmt: skip
    return attacked(network, x, found.images, classes, norm, targeted)


def asked(
    report: Report, model: nn.Module, variables: Variables, x: Any, classes: Any, targeted: bool,
    transform: Any,
) -> tuple[Network, Array, Array]:  # fmt: skip
    """Return the network, the images and the classes, where None means those that it gives."""
    expect_images(report, "x", x)
    rule, fix = "must name the classes to get to", "pass classes=..."
    report.expect(classes is not None or not targeted, "classes", classes, rule, fix)
    network = network_of(report, model, variables, transform)
    x = jnp.asarray(x)
    if classes is None:
        return network, x, decided(network, x)
    CrossEntropy(classes).check(report, jax.eval_shape(_output, network, x), x)
    report.done()
    return network, x, jnp.broadcast_to(jnp.asarray(classes), len(x))


def expect_eps(report: Report, eps: Any, x: Any) -> None:
    """Expect a radius that is not negative, one for all images or for each."""
    fix = "use e.g. eps=8 / 255, in units of images in [0, 1]"
    if isinstance(eps, Tracer):
        return
    numeric = not isinstance(eps, bool | str) and np.asarray(eps).dtype.kind in "fiu"
    if not report.expect(numeric, "eps", eps, "must be a number", fix, kind=True):
        return
    report.expect(bool(np.all(np.asarray(eps) >= 0)), "eps", eps, "must be >= 0", fix)
    ok = np.shape(eps) in ((), np.shape(x)[:1])
    report.expect(ok, "eps", eps, f"must be a number or have shape {np.shape(x)[:1]}", fix)


def attacked(
    network: Network, before: Array, images: Array, classes: Array, norm: str, targeted: bool
) -> Attacked:
    """Return images with what the network makes of them."""
    given, change = decided(network, images), images - before
    far = norms(change).ravel() if norm == "l2" else jnp.abs(change).max((1, 2, 3))
    return Attacked(images, (given == classes) == targeted, far, given)


@jax.jit
def _output(network: Network, x: Array) -> Any:
    return network.look(x, (":output",))


def decided(network: Network, images: Array) -> Array:
    """Return the class that the network gives to each image."""
    return _output(network, images)[":output"].argmax(-1)
