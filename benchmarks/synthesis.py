"""The compiled loop of `jaxcnn.synthesis` beside the same loop in Python, step by step.

Each maximises a class of one image by Adam. In Python the step is jitted, its image and state are
donated, and its losses are kept on the device; both are called by turns, and give the same image.
"""

import functools
import statistics
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from benchmarks.table import show
from jaxcnn import create_model, initialize, synthesis
from jaxcnn.synthesis import Maximize, TotalVariation


class Case(NamedTuple):
    """A network and an image, and for how many steps."""

    model: str
    side: int
    channels: int
    steps: int
    fields: Mapping[str, Any] = MappingProxyType({})


TINY = {"stages": ((8, 1, True), (16, 1, True)), "hidden": (), "flatten": False}
CASES = {
    "mlp": Case("mlp", 8, 1, 1024),
    "tiny convnet": Case("convnet", 8, 1, 1024, TINY),
    "lenet5": Case("lenet5", 32, 1, 512),
    "convnet": Case("convnet", 32, 3, 128),
    "resnet20": Case("resnet20", 32, 3, 64),
    "alexnet": Case("alexnet", 64, 3, 16),
    "efficientnet_lite0": Case("efficientnet_lite0", 64, 3, 32),
}
RATE = 0.02


def run(count: int) -> dict[str, Any]:
    rows = [compare(name, case, count or 7) for name, case in CASES.items()]
    names = ("network", "side", "python_ms", "compiled_ms", "times")
    show([names, *([row[name] for name in names] for row in rows)])
    return {"rows": rows}


def compare(name: str, case: Case, rounds: int) -> dict[str, Any]:
    """Return medians of the time of a step in both loops."""
    model, steps = create_model(case.model, num_classes=10, **case.fields), case.steps
    shape = (1, case.side, case.side, case.channels)
    variables = initialize(model, jax.random.key(0), shape)
    start = jax.random.uniform(jax.random.key(1), shape)
    terms, options = [Maximize(3), TotalVariation(1e-3)], {"rate": RATE, "steps": steps}
    ours = functools.partial(synthesis.optimize, model, variables, terms, start, **options)
    peer = functools.partial(in_python(model, terms), variables, start, steps)
    difference = float(jnp.abs(ours().images - peer()).max())
    mine, theirs = [], []
    for _ in range(rounds):
        theirs.append(seconds(peer))
        mine.append(seconds(ours))
    python, compiled = (1e3 * statistics.median(t) / steps for t in (theirs, mine))
    ratios = [b / a for a, b in zip(mine, theirs, strict=True)]
    row = {"network": name, "side": case.side, "steps": steps, "difference": difference}
    row |= {"python_ms": round(python, 4), "compiled_ms": round(compiled, 4)}
    row |= {"times": round(statistics.median(ratios), 2), "ratios": ratios}
    print(row, flush=True)
    return row


def in_python(model: Any, terms: Any) -> Callable[..., Any]:
    """Return the loop as one writes it without the library."""
    optimizer = optax.adam(RATE)

    @functools.partial(jax.jit, donate_argnums=(1, 2))
    def step(variables: Any, x: Any, state: Any) -> Any:
        def total(x: Any) -> Any:
            seen = {":output": model.apply(variables, x)}
            return sum(term(seen, x).sum() for term in terms)

        loss, gradient = jax.value_and_grad(total)(x)
        updates, state = optimizer.update(gradient, state)
        return jnp.clip(x + updates, 0, 1), state, loss

    def loop(variables: Any, start: Any, steps: int) -> Any:
        x = jnp.array(start)
        state, losses = optimizer.init(x), []
        for _ in range(steps):
            x, state, loss = step(variables, x, state)
            losses.append(loss)
        return x

    return loop


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start
