"""Optimisers with steps of length one; the engine multiplies by the rate.

An optimiser is a constant of the compiled program, the rate is not: these are made once.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxcnn.synthesis.pixels import unit
from jaxcnn.typing import Array

ADAM = optax.adam(1.0)
MOMENTUM = optax.sgd(1.0, momentum=0.9)
LBFGS = optax.lbfgs()
"""Its line search finds a step after which the loss is not larger than before."""


def _smooth(gradient: Array) -> Array:
    """Return the mean of a gradient blurred by 1, 4 and 16 binomial filters, of mean size 1.

    Plain gradients are mostly of the highest frequencies, of which dreams would be made.
    """
    blurred, parts = gradient, []
    for passes in (1, 3, 12):
        for _ in range(passes):
            for axis in (1, 2):
                aside = jnp.roll(blurred, 1, axis) + jnp.roll(blurred, -1, axis)
                blurred = blurred / 2 + aside / 4
        parts.append(_unit_mean(blurred))
    return _unit_mean(sum(parts[1:], parts[0]))


def _unit_mean(gradient: Array) -> Array:
    mean = jnp.abs(gradient).mean((1, 2, 3), keepdims=True)
    return gradient / jnp.where(mean > 0, mean, 1)


def _steepest(scaled: Any) -> optax.GradientTransformation:
    return optax.stateless(lambda updates, params: jax.tree.map(lambda g: -scaled(g), updates))


STEEPEST = {"linf": _steepest(jnp.sign), "l2": _steepest(unit), "smooth": _steepest(_smooth)}
"""Steepest descent: by norm of the step; `smooth` divides each image's gradient by the mean of
its magnitudes, as DeepDream does, after smoothing."""
