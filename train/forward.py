"""Through the network in training, as its config says: frozen parts, recomputation."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.typing import Array, Variables
from train.remat import recomputing


def forward(
    task: Any, variables: Variables, images: Array, rngs: dict[str, Any], step: Array
) -> tuple[Array, Any]:
    """Return the logits, and the collections that training changes.

    Args:
        task: With a `model`, a `transfer` and `remat`.
        variables: Of the network.
        images: Prepared for it.
        rngs: Of dropout.
        step: Number of the step.
    """
    variables = {**variables, "params": task.transfer.params(variables["params"])}
    apply = recomputing(task.remat, task.transfer.apply(task.model.apply, step))
    return apply(variables, images, train=True, rngs=rngs, mutable=["batch_stats", "aux"])


def mean_of_two(first: Array, second: Array) -> Array:
    """Return the logits of the mean odds of two views."""
    return jnp.logaddexp(jax.nn.log_softmax(first), jax.nn.log_softmax(second)) - jnp.log(2)
