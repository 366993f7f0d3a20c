"""A network with its target: what every method of this room asks of it."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.core import Tracer
from jax.tree_util import register_dataclass

from jaxcnn.checks import Report, is_floating
from jaxcnn.taps import Difference, Gradients, Logit, Probability, as_target, features, grad_at
from jaxcnn.taps.arguments import split
from jaxcnn.taps.static import Static
from jaxcnn.taps.target import STATIC, Target, pooled
from jaxcnn.typing import Array, Variables


@register_dataclass
@dataclass(frozen=True)
class Network:
    """A model in evaluation mode, its variables and its target: a pytree, for `jax.jit`."""

    static: Static = field(metadata=STATIC)
    variables: Any
    target: Target

    @property
    def model(self) -> nn.Module:
        """The model."""
        return self.static.value

    def output(self, x: Array) -> Any:
        """Return what the target looks at."""
        return features(self.model, self.variables, x, self.target.at)[self.target.at]

    def scores(self, x: Array) -> Array:
        """Return the score of each image, (N,)."""
        return self.target(self.output(x))

    def gradients(self, x: Array, at: str = ":input") -> Gradients:
        """Return the gradient of each image's score with respect to a place."""
        return grad_at(self.model, self.variables, x, at, self.target)

    def settled(self, x: Array) -> "Network":
        """Return it with the classes that are the largest now; changed images keep them."""
        return dataclasses.replace(self, target=settle(self.target, self.output(x)))


def settle(target: Target, output: Any) -> Target:
    """Return the target with the class that `top1` means for this output."""
    if isinstance(target, Difference):
        sides = (settle(as_target(side), output) for side in (target.first, target.second))
        return Difference(*sides)
    if isinstance(target, Logit | Probability) and target.classes is None:
        shares = jax.nn.softmax(output) if isinstance(target, Probability) else output
        return dataclasses.replace(target, classes=pooled(shares).argmax(1))
    return target


def examine(
    report: Report, model: nn.Module, variables: Variables, x: Array, target: Any, rank: int = 0
) -> Network:
    """Return the network, after all arguments that the methods share are checked.

    Args:
      report: What the method itself noted so far; raised here.
      model: Any Linen module.
      variables: Its variables.
      x: The images.
      target: Anything that `as_target` knows.
      rank: Number of axes that x must have, 0 for any from 2 on.
    """
    goal = as_target(target, report.function)
    split(report.function, model, False, None, {})
    fine = report.floating("x", x)
    rule = f"must have {rank} axes (N, H, W, C)" if rank else "must have a batch axis (N, ...)"
    ok = fine and (x.ndim == rank if rank else x.ndim >= 2)
    if report.expect(ok or not fine, "x", x, rule, "use x[None] for a single image"):
        ok = not fine or isinstance(x, Tracer) or bool(jnp.isfinite(x).all())
        rule, fix = "holds NaN or infinite values", "look at how the images were prepared"
        report.expect(ok, "x", x, rule, fix)
    report.done()
    network = Network(Static(model), variables, goal)
    output = _output.eval_shape(network, x)
    goal.check(report, output)
    report.done()
    return network


def baseline_of(report: Report, x: Array, baseline: Any) -> Array:
    """Return the image that stands for absence, in the shape and type of x."""
    if not is_floating(x):
        return x
    shape = jnp.shape(baseline)
    try:
        ok = jnp.broadcast_shapes(shape, jnp.shape(x)) == jnp.shape(x)
    except ValueError:
        ok = False
    rule = f"has shape {shape}, which does not broadcast to the images"
    if not report.expect(ok, "baseline", baseline, rule, "use a number, or an array (H, W, C)"):
        return jnp.zeros_like(x)
    return jnp.broadcast_to(jnp.asarray(baseline, x.dtype), x.shape)


@jax.jit
def _output(network: Network, x: Array) -> Any:
    return network.output(x)
