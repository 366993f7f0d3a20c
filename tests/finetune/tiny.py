"""A network with the names of the zoo's that compiles at once."""

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxcnn import layers


class Block(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool):
        x = layers.Conv(4, (3, 3), name="conv")(x)
        return nn.relu(layers.BatchNorm(not train, momentum=0.9, name="norm")(x))


class Tiny(nn.Module):
    """Two blocks, the second of which may be recomputed, and a head."""

    num_classes: int = 3
    remat: bool = False

    @nn.compact
    def __call__(self, x, train: bool = False):
        x = Block(name="stem")(x, train)
        stage = nn.remat(Block, static_argnums=2) if self.remat else Block
        x = stage(name="stage1")(x, train).mean((1, 2))
        return nn.Dense(self.num_classes, name="head")(x) if self.num_classes else x


IMAGES = jax.random.normal(jax.random.key(0), (8, 5, 5, 2)) + 1
LABELS = jnp.arange(8) % 3


def variables_of(model=None):
    return jax.jit((model or Tiny()).init)(jax.random.key(1), IMAGES)


def loss(apply, params, batch_stats, images=IMAGES, labels=LABELS):
    """Return the loss and the new statistics."""
    state = {"params": params, "batch_stats": batch_stats}
    logits, new = apply(state, images, train=True, mutable=["batch_stats"])
    values = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
    return values.mean(), new["batch_stats"]


def train(apply_at, optimizer, variables, steps):
    """Train as a user would; return parameters and statistics after each step.

    `apply_at(step)` gives what is applied; `step` is traced, so there is one program.
    """

    @jax.jit
    def step(params, batch_stats, opt_state, count):
        gradient = jax.grad(loss, argnums=1, has_aux=True)
        grads, batch_stats = gradient(apply_at(count), params, batch_stats)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), batch_stats, opt_state

    params, batch_stats = variables["params"], variables["batch_stats"]
    opt_state, found = optimizer.init(params), []
    for count in range(steps):
        params, batch_stats, opt_state = step(params, batch_stats, opt_state, count)
        found.append({"params": params, "batch_stats": batch_stats})
    assert step._cache_size() == 1
    return found


def changed(old, new) -> set[str]:
    """Return the paths of the arrays that are not bitwise the same, without their collections."""
    pairs = zip(jax.tree_util.tree_leaves_with_path(old), jax.tree.leaves(new), strict=True)
    return {
        jax.tree_util.keystr(keys[1:], simple=True, separator="/")
        for (keys, a), b in pairs
        if bool((a != b).any())
    }
