"""Optimisers with steps of length one; the engine multiplies by the rate.

An optimiser is a constant of the compiled program, the rate is not: these are made once.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxcnn.synthesis.looks import blurred
from jaxcnn.synthesis.pixels import unit
from jaxcnn.typing import Array

SIGMAS = (0.7, 1.3, 2.6)
"""Deviations in pixels at which the gradients of dreams are smoothed."""

ADAM = optax.adam(1.0)
MOMENTUM = optax.sgd(1.0, momentum=0.9)
LBFGS = optax.lbfgs()
"""Its line search finds a step after which the loss is not larger than before."""


def _smooth(gradient: Array) -> Array:
    """Return the sum of a gradient at three scales, each of mean magnitude 1, as one of mean 1.

    Plain gradients are mostly of the highest frequencies, of which dreams would be made.
    """
    scales = (_unit_mean(blurred(gradient, sigma)) for sigma in SIGMAS)
    return _unit_mean(functools.reduce(jnp.add, scales))


def _unit_mean(gradient: Array) -> Array:
    mean = jnp.abs(gradient).mean((1, 2, 3), keepdims=True)
    return gradient / jnp.where(mean > 0, mean, 1)


def _steepest(scaled: Any) -> optax.GradientTransformation:
    return optax.stateless(lambda updates, params: jax.tree.map(lambda g: -scaled(g), updates))


STEEPEST = {"linf": _steepest(jnp.sign), "l2": _steepest(unit), "smooth": _steepest(_smooth)}
"""Steepest descent: by norm of the step; `smooth` divides each image's gradient by the mean of
its magnitudes, as DeepDream does, after smoothing."""
