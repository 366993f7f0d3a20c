"""A network's first variables, from a program that compiles quickly because it runs once."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.core import Tracer

from jaxcnn.checks import Report
from jaxcnn.typing import Key, Shape

CPU_OPTIONS = {"xla_backend_optimization_level": 0}
"""XLA writes machine code for each kernel's random draw apart, 0.35 s each on a CPU; without
LLVM's optimisation 0.09 s, and the program runs only once."""


def initialize(model: nn.Module, key: Key, input_shape: Shape, **arguments: Any) -> Any:
    """Return the first variables of a network: `model.init` in one quickly compiled program.

    `model.init` alone runs the network layer by layer, and `jax.jit(model.init)` optimises draws
    that are made once. Here the network's outputs are not computed at all.

    Args:
      model: Any Linen module.
      key: A random key, as `jax.random.key(0)`.
      input_shape: Of the network's input with its batch axis, as `(1, 224, 224, 3)`.
      arguments: What `model.__call__` takes besides the input.

    Returns:
      The variables that `model.init(key, images)` gives, to the last few bits.

    Raises:
      ValueError: A size below 1.
      TypeError: A size that is not an integer.

    Example:
      >>> import jax
      >>> from jaxcnn import create_model, initialize
      >>> variables = initialize(create_model("lenet5"), jax.random.key(0), (1, 28, 28, 1))
      >>> variables["params"]["conv1"]["kernel"].shape
      (5, 5, 1, 6)
    """
    report = Report("initialize")
    shape = report.ints("input_shape", input_shape, len(input_shape), names="axis")
    report.done()

    def init(key: Key) -> Any:
        return model.init(key, jnp.zeros(shape, jnp.result_type(float)), **arguments)

    # Within another transformation, numbers are tracers too: its program has options of its own.
    inner = any(isinstance(x, Tracer) for x in (jnp.zeros(()), *jax.tree.leaves(key)))
    quick = jax.default_backend() == "cpu" and not inner
    return jax.jit(init, compiler_options=CPU_OPTIONS if quick else None)(key)
