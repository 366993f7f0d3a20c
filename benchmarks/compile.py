"""Seconds to trace and to compile a network: its initialisation, inference and training step.

`init` is `jax.jit(model.init)`, `initialize` the same as `jaxcnn.initialize` compiles it.
Seconds of work on the cores (the compiler uses several), which other work on the machine lengthens
less than those on the wall. Nothing is computed and nothing cached: each network has a process of
its own, its arguments are shapes. One usual variant of each family, and the deepest of those that
repeat blocks.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxcnn import create_model, model_info
from jaxcnn.losses import cross_entropy
from jaxcnn.models.initialize import CPU_OPTIONS

ROOT = Path(__file__).parents[1]
BATCH = 8
NAMES = (
    *("mlp", "lenet5", "lenet5_paper", "convnet", "allcnn_c", "alexnet", "zfnet", "vgg16"),
    *("squeezenet1_1", "googlenet", "bn_inception", "inception_v3", "resnet20", "resnet18"),
    *("resnet50", "resnet152", "wrn_28_10", "densenet121", "unet", "mobilenet_v2"),
    *("mobilenet_v3_large", "mnasnet1_0", "efficientnet_lite0", "efficientnet_b0"),
    *("convnext_tiny", "shufflenet_v2_x1_0", "regnet_y_400mf", "resnet110", "densenet201"),
    *("efficientnet_b7",),
)


def run(count: int) -> dict[str, Any]:
    rows = []
    for name in NAMES[: count or None]:
        command = [sys.executable, "-m", "benchmarks.compile", name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1]) if not done.returncode else {}
        rows.append({"model": name, **(found or {"error": done.stderr[-500:]})})
        print(rows[-1], flush=True)
    return {"batch": BATCH, "rows": rows, "failures": [r["model"] for r in rows if "error" in r]}


def measure(name: str) -> dict[str, float]:
    info, model = model_info(name), create_model(name)
    key = jax.eval_shape(lambda: jax.random.key(0))
    shape = (BATCH, info.input_size, info.input_size, info.channels)
    images = jax.ShapeDtypeStruct(shape, jnp.float32)
    variables = jax.eval_shape(model.init, key, images)
    found = {}
    for what, function, arguments in (
        ("init", model.init, (key, images)),
        ("inference", model.apply, (variables, images)),
        ("training", training_step(model), (variables, key, images)),
    ):
        start = time.process_time()
        lowered = jax.jit(function).lower(*arguments)
        middle = time.process_time()
        lowered.compile()
        found[f"{what}_trace_s"] = round(middle - start, 2)
        found[f"{what}_compile_s"] = round(time.process_time() - middle, 2)
        if what == "init":
            found["initialize_compile_s"] = seconds(lowered, CPU_OPTIONS)
    return found


def seconds(lowered: Any, options: Any) -> float:
    """Return the work of compiling a program with options."""
    start = time.process_time()
    lowered.compile(options)
    return round(time.process_time() - start, 2)


def training_step(model: Any) -> Any:
    """Return one step of SGD with momentum, auxiliary losses included."""
    optimizer = optax.sgd(0.1, 0.9)

    def step(variables: Any, key: Any, images: Any) -> Any:
        def loss(params: Any) -> Any:
            given, mutable = {**variables, "params": params}, ["batch_stats", "aux"]
            rngs = {"dropout": key}
            y, moved = model.apply(given, images, train=True, rngs=rngs, mutable=mutable)
            outputs = [y, *jax.tree.leaves(moved.get("aux", {}))]
            return sum(error(y).sum() for y in outputs), moved.get("batch_stats", {})

        def error(y: Any) -> Any:
            return cross_entropy(y, jnp.zeros(y.shape[:-1], jnp.int32))

        grads, stats = jax.grad(loss, has_aux=True)(variables["params"])
        updates, state = optimizer.update(grads, optimizer.init(variables["params"]))
        return optax.apply_updates(variables["params"], updates), stats, state

    return step


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
