"""Gradients of a score with respect to what happens inside a network."""

import functools
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report, is_floating
from jaxcnn.taps.arguments import inputs_of, names_of, split
from jaxcnn.taps.listing import list_places, resolve
from jaxcnn.taps.places import Place, is_pattern
from jaxcnn.taps.run import Inputs, run
from jaxcnn.taps.static import Static
from jaxcnn.taps.target import Target
from jaxcnn.taps.targets import as_target
from jaxcnn.typing import Array, Key, Variables


class Gradients(NamedTuple):
    """What `grad_at` returns; `gradient` and `activation` are dicts where `at` was a list.

    Example:
      >>> Gradients(1.0, 2.0, 3.0, 4.0).score
      3.0
    """

    gradient: Any
    """Of the sum of the scores, in the shape of the activation."""
    activation: Any
    """The values at the places."""
    score: Array
    """The target's score of each example, (N,)."""
    output: Any
    """What the target looked at: the logits, unless it names an inner place."""


def grad_at(
    model: nn.Module,
    variables: Variables,
    x: Array,
    at: str | Sequence[str],
    target: Any,
    *,
    train: bool = False,
    rngs: Key | Mapping[str, Key] | None = None,
    mutable: Any = None,
    **options: Any,
) -> Gradients:
    r"""Return :math:`\partial \sum_n s_n / \partial a`, a the activation at a place.

    A delta of zero is added to the activation, and the score is differentiated with respect to
    it; nothing is differentiated below the lowest place, and nothing runs beyond the target. In
    evaluation mode examples do not see each other, so each has the gradient of its own score; in
    training mode batch norm mixes them. The gradient at a module's input is that through this
    module only: a shortcut around it is not part of it.

    Args:
      model: Any Linen module, as in `features`.
      variables: Its variables.
      x: Its input, e.g. images (N, H, W, C), floating-point.
      at: A place, e.g. `stage3`, `head:input`, `:input` for the images; or a list or a pattern.
      target: What is differentiated: an int class, classes (N,), `"top1"`, a function from
        logits (N, K) to scores (N,), or a target of `jaxcnn.taps`, which may look at an inner
        place. A function is a constant of the compiled program, so define it once.
      train: Whether the model runs in training mode, as in `features`.
      rngs: Random keys, as `model.apply` takes them.
      mutable: Collections that the model may write, as in `features`.
      **options: Further arguments of the model.

    Returns:
      `(gradient, activation, score, output)`: gradients and activations as arrays for one name,
      as dicts for a list or a pattern; scores (N,); and the output that the target looked at.

    Raises:
      ValueError: If a place is not there, or the target is out of range.
      TypeError: If a place has no floating-point values, or `target` is none.

    Source: the linearisation under Grad-CAM (Selvaraju et al. 2017, equation 1).

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> grad = lambda variables, x: grad_at(model, variables, x, "conv2", target=3)
      >>> found = jax.eval_shape(grad, variables, x)
      >>> found.gradient.shape, found.activation.shape, found.score.shape, found.output.shape
      ((2, 10, 10, 16), (2, 10, 10, 16), (2,), (2, 10))
    """
    report = Report("grad_at", x)
    names, goal = names_of(report, at), as_target(target, "grad_at")
    setting, arrays = split("grad_at", model, train, mutable, options)
    found = _grad_at(Static(setting), names, inputs_of(variables, x, rngs, arrays), goal)
    goal.check(report, found.output)
    report.done()
    if isinstance(at, str) and not is_pattern(at):
        return found._replace(gradient=found.gradient[at], activation=found.activation[at])
    return found._replace(gradient=dict(found.gradient), activation=dict(found.activation))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _grad_at(setting: Static, at: tuple[str, ...], inputs: Inputs, target: Target) -> Gradients:
    report = Report("grad_at", inputs.x)
    listing = list_places(setting.value, inputs)
    places = resolve(listing, at, report)
    goal = resolve(listing, [target.at], report, "target.at")
    for name, place in places.items():
        ok = all(map(is_floating, jax.tree.leaves(listing.specs[place])))
        rule, fix = "has no floating-point values", "look elsewhere, or convert the images"
        report.expect(ok, "at", name, rule, fix, kind=True)
    report.done()

    def score(deltas: dict[Place, Any]) -> tuple[Array, Any]:
        values = run(setting.value, inputs, [*deltas, *goal.values()], deltas)
        output = values[goal[target.at]]
        target.check(report, output)
        report.done()
        scores = target(output)
        expect_scores(report, scores, output)
        return scores.sum(), (values, scores, output)

    # Alike in how they vary over the devices of a user's `shard_map` too: the gradient of a delta
    # that all devices share would be the sum of theirs.
    deltas = jax.tree.map(jnp.zeros_like, {p: listing.specs[p] for p in places.values()})
    gradients, (values, scores, output) = jax.grad(score, has_aux=True)(deltas)
    return Gradients(
        OrderedDict((name, gradients[place]) for name, place in places.items()),
        OrderedDict((name, values[place]) for name, place in places.items()),
        scores,
        output,
    )


def expect_scores(report: Report, scores: Any, output: Any) -> None:
    """Expect one real floating-point score for each example."""
    count = jax.tree.leaves(output)[0].shape[:1]
    rule = f"must return one score for each example, {count}, got {jnp.shape(scores)}"
    ok = jnp.shape(scores) == count and is_floating(scores)
    report.expect(ok, "target", scores, rule, "reduce over all axes but the first")
    report.done()
