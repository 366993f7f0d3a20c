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
    ema: Any = flax.struct.field(default_factory=dict)
    """Running average of `params` and `batch_stats`; empty where none is kept."""

    @property
    def variables(self) -> dict[str, Any]:
        """Return what is evaluated and what stays: the average, where one is kept."""
        return self.ema or {"params": self.params, "batch_stats": self.batch_stats}

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
    *,
    ema: bool = False,
) -> TrainState:
    """Return the state before the first step: every number a function of the seed, or of `start`.

    With `ema` the running average begins with the same numbers. Parameters are float32, and
    under 64-bit JAX the same numbers as float64.
    """
    init_key, run_key = initial_keys(seed)
    dtype = jnp.result_type(float)

    def create(variables: Variables) -> TrainState:
        variables = jax.tree.map(lambda x: jnp.asarray(x, dtype), variables)
        params, batch_stats = variables["params"], variables.get("batch_stats", {})
        average = {"params": params, "batch_stats": batch_stats} if ema else {}
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            batch_stats=batch_stats,
            opt_state=optimizer.init(params),
            key_data=jax.random.key_data(run_key),
            ema=jax.tree.map(jnp.copy, average),  # donation needs arrays of their own
        )

    return jax.jit(create)(start or initialize(model, init_key, (1, *image_shape)))
