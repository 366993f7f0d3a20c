"""Everything that a step changes, as one pytree."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxcnn import initialize
from jaxcnn.typing import Variables


class TrainState(flax.struct.PyTreeNode):
    """What a resumed run needs besides its config and its data position."""

    step: jax.Array
    """Steps taken, int32."""
    params: Any
    batch_stats: Any
    opt_state: optax.OptState
    key_data: jax.Array
    """The run's random key as plain words, so that any checkpoint format can hold it."""

    @property
    def variables(self) -> dict[str, Any]:
        """Return what `model.apply` takes."""
        return {"params": self.params, "batch_stats": self.batch_stats}

    @property
    def key(self) -> jax.Array:
        """Return the run's random key; it never changes, draws fold in step and example."""
        return jax.random.wrap_key_data(self.key_data)


def initial_keys(seed: int) -> tuple[jax.Array, jax.Array]:
    """Return the key of the first parameters, and that of the run's draws."""
    init_key, run_key = jax.random.split(jax.random.key(seed))
    return init_key, run_key


def create_state(
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    image_shape: tuple[int, int, int],
    seed: int,
    start: Variables | None = None,
) -> TrainState:
    """Return the state before the first step: every number a function of the seed, or of `start`.

    Parameters are float32, and under 64-bit JAX the same numbers as float64.
    """
    init_key, run_key = initial_keys(seed)
    dtype = jnp.result_type(float)

    def create(variables: Variables) -> TrainState:
        variables = jax.tree.map(lambda x: jnp.asarray(x, dtype), variables)
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=variables["params"],
            batch_stats=variables.get("batch_stats", {}),
            opt_state=optimizer.init(variables["params"]),
            key_data=jax.random.key_data(run_key),
        )

    return jax.jit(create)(start or initialize(model, init_key, (1, *image_shape)))
