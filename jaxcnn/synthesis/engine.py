"""The one loop behind every technique of this room, compiled."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import errors
from flax import linen as nn
from jax import lax
from jax.tree_util import register_dataclass

from jaxcnn.checks import Report, is_number
from jaxcnn.ops.canonical import canonical
from jaxcnn.synthesis.descent import ADAM
from jaxcnn.synthesis.looks import Looks
from jaxcnn.synthesis.network import Network, clipped, expect_images, expect_shape, network_of
from jaxcnn.synthesis.pixels import Parametrisation, Pixels
from jaxcnn.synthesis.terms import Term
from jaxcnn.taps.static import Static
from jaxcnn.taps.target import STATIC
from jaxcnn.typing import Array, Key, Shape, Variables

LONGEST = 128
"""Steps of one call of the compiled loop, at most; between calls frames leave and Ctrl-C enters."""


class Frame(NamedTuple):
    """How far an optimisation is.

    Example:
      >>> Frame(5, 10, None, None).done
      5
    """

    done: int
    """Steps."""
    steps: int
    """Steps in all."""
    images: Any
    """(N, H, W, C) in [0, 1]."""
    losses: Any
    """Of each step since the last frame and each image, (n, N), before the step."""


class Synthesis(NamedTuple):
    """What `optimize` returns.

    Example:
      >>> Synthesis(1, 2, 3).losses
      2
    """

    images: Array
    """(N, H, W, C) in [0, 1]."""
    losses: Array
    """Of each image before each step, (steps, N)."""
    params: Any
    """Of the parametrisation."""


@register_dataclass
@dataclass(frozen=True)
class Problem:
    """All that a step needs: a pytree, so that other numbers are no other program."""

    network: Network
    terms: tuple[Any, ...]
    parametrisation: Any
    rate: Any
    key: Key
    looks: Looks
    optimizer: Static = field(metadata=STATIC)

    def losses(self, params: Any, key: Key) -> Array:
        """Return the loss of each image, seen as the key says."""
        images = self.parametrisation.image(params)
        places = tuple(dict.fromkeys(place for term in self.terms for place in term.at))
        seen = self.network.look(self.looks(key, images), places)
        return functools.reduce(jnp.add, (term(seen, images) for term in self.terms))

    def step(self, params: Any, state: Any, number: Array) -> tuple[Any, Any, Array]:
        """Return the next parameters and state, and the losses before."""
        key = jax.random.fold_in(self.key, number)

        def total(params: Any) -> tuple[Array, Array]:
            losses = self.losses(params, key)
            return losses.sum(), losses

        (value, losses), gradient = jax.value_and_grad(total, has_aux=True)(params)
        optimizer = optax.with_extra_args_support(self.optimizer.value)
        found = {"value": value, "grad": gradient, "value_fn": lambda params: total(params)[0]}
        updates, state = optimizer.update(gradient, state, params, **found)
        updates = jax.tree.map(lambda u: (self.rate * u).astype(u.dtype), updates)
        params = self.parametrisation.project(optax.apply_updates(params, updates))
        return params, state, losses


def optimize(
    model: nn.Module,
    variables: Variables,
    terms: Term | Sequence[Term],
    start: Array | Shape,
    *,
    parametrisation: Parametrisation | None = None,
    optimizer: optax.GradientTransformation = ADAM,
    rate: float | Array = 0.05,
    steps: int = 256,
    looks: Looks | None = None,
    transform: Any = None,
    key: Key | None = None,
    every: int | None = None,
    on_frame: Callable[[Frame], Any] | None = None,
) -> Synthesis:
    r"""Return images that minimise :math:`\sum_t L_t(\Phi(x), x)`, x = image(params), by descent.

    The loop is compiled, and equal problems compile once, whatever their numbers: other classes,
    weights, rates and steps are the same program. Images of a batch do not see each other (but
    for the line search of L-BFGS, which is one for all), and meet the same random looks.

    Args:
      model: Any Linen module.
      variables: Its variables.
      terms: What is minimised, e.g. `[Maximize(207), TotalVariation(1e-3)]`; the sum of all.
      start: Images (N, H, W, C) in [0, 1] to begin from, or a shape, of random ones.
      parametrisation: `Pixels()`, which None means, or `Fourier()`, `Ball(...)`, `Shared(...)`.
      optimizer: Any optax optimiser; a constant of the program, so make it once.
      rate: Factor on its updates.
      steps: Number of steps, >= 0.
      looks: Random looks at which the network sees the images; None for none.
      transform: Brings images in [0, 1] to what the network takes, by its `mean` and `std`, e.g.
        `meta.transforms`; None where the network takes [0, 1].
      key: Random key, None for always the same.
      every: Steps between frames; None for as many as one call runs.
      on_frame: Called with a `Frame` after every `every` steps and at the end.

    Returns:
      `(images, losses, params)`: images (N, H, W, C) in [0, 1], losses (steps, N).

    Raises:
      ValueError: If a place or a class is not there, images are not in [0, 1], or a number
        cannot be meant.
      TypeError: If images are not floating-point.

    Example:
      >>> from jaxcnn import create_model
      >>> from jaxcnn.synthesis import Maximize
      >>> model, shape = create_model("convnet"), (2, 32, 32, 3)
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(shape))
      >>> run = lambda variables: optimize(model, variables, Maximize(3), shape, steps=2)
      >>> found = jax.eval_shape(run, variables)
      >>> found.images.shape, found.losses.shape
      ((2, 32, 32, 3), (2, 2))
    """
    report = Report("optimize")
    problem, first = examine(**locals())
    steps = report.count("steps", steps, low=0)
    size = min(report.count("every", every) if every is not None else LONGEST, LONGEST)
    report.done()
    params, pieces = first, []
    for done, params, losses in run(problem, first, steps, size):
        pieces.append(losses)
        if on_frame is not None:
            on_frame(Frame(done, steps, clipped(problem.parametrisation.image(params)), losses))
    images = clipped(problem.parametrisation.image(params))
    none = jnp.zeros((0, len(images)), images.dtype)
    return Synthesis(images, jnp.concatenate([none, *pieces]), params)


def run(problem: Problem, params: Any, steps: int, size: int) -> Iterator[tuple[int, Any, Array]]:
    """Yield steps done, parameters and losses, after every `size` steps."""
    state = _start(problem, params)
    params = jax.tree.map(jnp.array, params)  # a copy, for the loop takes it over
    for first in range(0, steps, size):
        count = min(size, steps - first)
        params, state, losses = _loop(problem, params, state, first, count)
        yield first + count, params, losses[:count]


def examine(report: Report, **given: Any) -> tuple[Problem, Any]:
    """Return the problem and its first parameters, after all arguments are checked."""
    terms = given["terms"] if isinstance(given["terms"], list | tuple) else [given["terms"]]
    ok = bool(terms) and all(callable(term) and hasattr(term, "at") for term in terms)
    fix = "give e.g. [Maximize(207), TotalVariation(1e-3)]"
    report.expect(ok, "terms", given["terms"], "must hold terms", fix, kind=True)
    rate, start = given["rate"], given["start"]
    ok = not is_number(rate) or (np.isfinite(rate) and rate > 0)
    report.expect(ok, "rate", rate, "must be > 0", "use 0.05 for Adam")
    if hasattr(start, "dtype"):
        expect_images(report, "start", start)
        shape = start.shape
    else:
        shape = expect_shape(report, start)
    network = network_of(report, given["model"], given["variables"], given["transform"])
    key = jax.random.key(0) if given["key"] is None else given["key"]
    how = given["parametrisation"] or Pixels()
    first, key = jax.random.split(key)
    params = how.of(jnp.asarray(start)) if hasattr(start, "dtype") else how.init(first, shape)
    optimizer = Static(given["optimizer"])
    looks = given["looks"] or Looks()
    problem = Problem(network, tuple(terms), how, rate, key, looks, optimizer)
    expect_fit(report, problem, params)
    return problem, params


def expect_fit(report: Report, problem: Problem, params: Any) -> None:
    """Expect that the network has what the terms look at."""
    places = tuple(dict.fromkeys(place for term in problem.terms for place in term.at))
    images = _images.eval_shape(problem.parametrisation, params)
    report.shape = images.shape
    try:
        seen = _seen.eval_shape(problem, params, places)
    except errors.ScopeParamShapeError as error:
        rule = f"has a size that the network does not take: {str(error).partition(' (http')[0]}"
        report.expect(False, "start", images.shape, rule, "use the size that it was made for")
        report.done()
        raise
    for term in problem.terms:
        term.check(report, seen, images)
    report.done()


@jax.jit  # Never run: an equal problem is traced once.
def _images(parametrisation: Any, params: Any) -> Array:
    return parametrisation.image(params)


@functools.partial(jax.jit, static_argnames="places")
def _seen(problem: Problem, params: Any, places: tuple[str, ...]) -> Any:
    return problem.network.look(problem.parametrisation.image(params), places)


@jax.jit
def _start(problem: Problem, params: Any) -> Any:
    return problem.optimizer.value.init(params)


@functools.partial(jax.jit, donate_argnums=(1, 2))
def _loop(
    problem: Problem, params: Any, state: Any, first: int, count: int
) -> tuple[Any, Any, Array]:
    """Run some steps, and return the losses of each in the first rows of (LONGEST, N).

    The number of steps is no constant, so that the last piece is the same program as the others.
    """
    losses = jax.eval_shape(problem.losses, params, problem.key)
    table = jnp.zeros((LONGEST, *losses.shape), losses.dtype)
    step = canonical(Problem.step)

    def body(i: Array, carry: Any) -> Any:
        params, state, table = carry
        params, state, losses = step(problem, params, state, first + i)
        return params, state, table.at[i].set(losses)

    return lax.fori_loop(0, count, body, (params, state, table))
