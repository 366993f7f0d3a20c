"""Training and inference as everyone writes them in JAX: jitted, the state donated."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks.peers import MOMENTUM, RATE

Apply = Callable[..., Any]
"""`apply(variables, images, train)` returns logits and the new `batch_stats`."""


def variables_of(given: dict[str, Any]) -> Any:
    """Return the nested variables of arrays under names such as `params/stem/kernel`."""
    tree: dict[str, Any] = {}
    for name, array in given.items():
        *path, leaf = name.split("/")
        if path:
            node = tree
            for part in path:
                node = node.setdefault(part, {})
            node[leaf] = jnp.asarray(array)
    return tree


def steps(
    apply: Apply, spec: dict[str, Any], given: dict[str, Any], variables: Any = None
) -> tuple[Any, Any]:
    """Return what `benchmarks.peers` asks of a peer; variables may have a shape of its own."""
    variables = variables_of(given) if variables is None else variables
    images, labels = jnp.asarray(given["images"]), jnp.asarray(given["labels"])
    if not spec["train"]:
        infer = jax.jit(lambda variables, images: apply(variables, images, False)[0])
        return lambda: infer(variables, images), lambda y: float(jnp.abs(y).mean())
    optimizer = optax.sgd(RATE, MOMENTUM)
    step = jax.jit(training_step(apply, optimizer), donate_argnums=0)
    params, stats = variables["params"], variables.get("batch_stats", {})
    state = [(params, stats, optimizer.init(params))]

    def run() -> Any:
        state[0], loss = step(state[0], images, labels)
        return loss

    return run, float


def training_step(apply: Apply, optimizer: Any) -> Any:
    """Return a step of SGD on the mean cross-entropy."""

    def step(state: Any, images: Any, labels: Any) -> Any:
        params, stats, moments = state

        def loss(params: Any) -> Any:
            logits, new = apply({"params": params, "batch_stats": stats}, images, True)
            errors = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
            return errors.mean(), new

        (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(params)
        updates, moments = optimizer.update(grads, moments, params)
        return (optax.apply_updates(params, updates), stats, moments), value

    return step


def linen(model: Any) -> Apply:
    """Return the function for a Linen model."""

    def apply(variables: Any, images: Any, train: bool) -> Any:
        if not train:
            return model.apply(variables, images, train=False), {}
        mutable = ["batch_stats", "aux"]
        logits, new = model.apply(variables, images, train=True, mutable=mutable)
        return logits, new.get("batch_stats", {})

    return apply
