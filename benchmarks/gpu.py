"""One accelerator, all of it in one run: ceilings, training and inference in bf16, the HLO.

Ours and plain Flax compute by turns, each compiled once; 5 warm-up steps, then blocks of steps.
On a machine without an accelerator the same is rehearsed in tiny sizes, whose figures mean
nothing. Everything is in the one JSON file.
"""

import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from benchmarks.peers.flax_linen import plain
from benchmarks.peers.given import OFF
from benchmarks.peers.jax_steps import linen, training_step
from benchmarks.roofline import Ceilings, bound, ceilings, products
from jaxcnn import create_model, fold_batch_norm, initialize, model_info

COUNTED = ("pad", "scatter", "transpose", "convert", "convolution", "fusion", "custom-call")
CALLS = ("__cudnn$conv", "__cudnn$convBiasActivationForward", "__cublas", "__triton")


class Sizes(NamedTuple):
    """How much is measured."""

    matrix: int
    copy: int
    image: int
    batches: tuple[int, ...]
    serving: tuple[int, ...]
    networks: tuple[tuple[str, int], ...]
    blocks: int
    steps: int


NETWORKS = ("resnet18", "vgg16_bn", "densenet121", "mobilenet_v2", "convnext_tiny", "googlenet")
FULL = Sizes(
    8192,
    2**31,
    224,
    (32, 64, 128, 256, 512),
    (1, 32, 256),
    tuple((name, 128) for name in NETWORKS),
    5,
    50,
)
TINY = Sizes(256, 2**22, 8, (2,), (1,), (("mobilenet_v2", 2),), 1, 1)
WARM_UP = 5
"""Steps that are not timed."""


def run(count: int) -> dict[str, Any]:
    rehearsal = jax.default_backend() == "cpu"
    sizes = TINY if rehearsal else FULL
    top = ceilings(sizes.matrix, sizes.copy)
    print(f"{top.flops / 1e12:.1f} TFLOP/s, {top.bandwidth / 1e12:.2f} TB/s", flush=True)
    main = "resnet20" if rehearsal else "resnet50"
    rows = []
    for name, batch in [*((main, batch) for batch in sizes.batches), *sizes.networks]:
        rows.append(measured(name, batch, sizes, top, training))
    for batch in sizes.serving:
        rows.append(measured(main, batch, sizes, top, inference))
    device = jax.devices()[0]
    return {
        "device": device.device_kind,
        "rehearsal": rehearsal,
        "ceilings": top._asdict(),
        "image": sizes.image,
        "rows": rows,
    }


def measured(
    name: str, batch: int, sizes: Sizes, top: Ceilings, ways: Callable[..., Any]
) -> dict[str, Any]:
    """Return images/s of each way, by turns, beside the bounds, and what its program holds."""
    images = jax.random.normal(jax.random.key(1), (batch, sizes.image, sizes.image, 3))
    calls, row = {}, {"model": name, "batch": batch, "train": ways is training, "ways": {}}
    for way, (function, arguments, donated) in ways(name, images).items():
        try:
            program, seconds = compiled(function, arguments, donated)
            calls[way] = caller(program, arguments, donated)
            calls[way](WARM_UP)
            row["ways"][way] = {"compile_s": seconds, **contents(program)}
        except jax.errors.JaxRuntimeError as error:  # out of memory: the row says so
            row["ways"][way] = {"error": str(error).splitlines()[0][:200]}
            calls.pop(way, None)
    timed(calls, row, sizes)
    bounds(name, images, row, top)
    print(told(row), flush=True)
    return row


def timed(calls: dict[str, Any], row: dict[str, Any], sizes: Sizes) -> None:
    """Add the seconds of a step, block by block, by turns."""
    found: dict[str, list[float]] = {way: [] for way in calls}
    for block in range(sizes.blocks):
        for way in sorted(calls, reverse=bool(block % 2)):
            found[way].append(calls[way](sizes.steps))
    for way, seconds in found.items():
        middle = statistics.median(seconds)
        rate = row["batch"] / middle
        row["ways"][way] |= {"seconds": seconds, "median_s": middle, "images_per_s": rate}
    stats = jax.devices()[0].memory_stats() or {}  # none on CPUs
    row["peak_bytes_in_use"] = stats.get("peak_bytes_in_use")


def bounds(name: str, images: Any, row: dict[str, Any], top: Ceilings) -> None:
    """Add images/s that the ceilings allow, and our share of them."""
    model, batch = network(name), row["batch"]
    shapes = jax.eval_shape(model.init, jax.random.key(0), images)
    found = products(lambda v, x: model.apply(v, x), shapes, images)
    separate = bound(found, top, train=row["train"], fused=False)
    ideal = bound(found, top, train=row["train"], fused=True)
    row["bound_images_per_s"] = {"separate": batch / separate, "ideal": batch / ideal}
    ours = row["ways"]["jaxcnn"].get("median_s")
    if ours:
        flops = sum(one.flops for one in found) * (3 if row["train"] else 1)
        shares = {"separate": separate / ours, "ideal": ideal / ours}
        row["share_of_bound"] = {**shares, "gemm": flops / ours / top.flops}


def network(name: str) -> Any:
    """Return a network in bf16 without what is random."""
    known = model_info(name).fields
    off = {field: value for field, value in OFF.items() if field in known}
    return create_model(name, dtype=jnp.bfloat16, **off)


def training(name: str, images: Any) -> dict[str, Any]:
    """Return a training step of each library, its arguments, and that the state is donated."""
    labels = jnp.zeros(len(images), jnp.int32)
    ours = network(name)
    return {
        way: (step_of(model), (state_of(ours, images), images, labels), True)
        for way, model in {"jaxcnn": ours, "flax": plain(ours)}.items()
    }


def step_of(model: Any) -> Any:
    return training_step(linen(model), optax.sgd(0.01, 0.9))


def state_of(model: Any, images: Any) -> Any:
    variables = initialize(model, jax.random.key(0), (1, *images.shape[1:]))
    params = variables["params"]
    return params, variables.get("batch_stats", {}), optax.sgd(0.01, 0.9).init(params)


def inference(name: str, images: Any) -> dict[str, Any]:
    """Return inference with and without folded norms, and plain Flax's."""
    model = network(name)
    variables = initialize(model, jax.random.key(0), (1, *images.shape[1:]))
    folded, less = fold_batch_norm(model, variables)
    return {
        "jaxcnn": (folded.apply, (less, images), False),
        "unfolded": (model.apply, (variables, images), False),
        "flax": (plain(model).apply, (variables, images), False),
    }


def compiled(function: Any, arguments: Any, donated: bool) -> tuple[Any, float]:
    start = time.perf_counter()
    program = jax.jit(function, donate_argnums=0 if donated else ()).lower(*arguments).compile()
    return program, time.perf_counter() - start


def caller(program: Any, arguments: Any, donated: bool) -> Callable[[int], float]:
    """Return what computes so many steps and returns the seconds of one."""
    given = [arguments]

    def call(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            y = program(*given[0])
            if donated:
                given[0] = (y[0], *given[0][1:])
        jax.block_until_ready(y)  # type: ignore[possibly-unbound]
        return (time.perf_counter() - start) / count

    return call


def contents(program: Any) -> dict[str, Any]:
    """Return how often operations and library calls stand in the compiled text."""
    text = program.as_text()
    kinds = Counter(re.findall(r"= \S+ ([a-z][a-z-]*)\(", text))
    memory = program.memory_analysis()
    return {
        "operations": {kind: kinds[kind] for kind in COUNTED},
        "calls": {call: text.count(f'"{call}') for call in CALLS},
        "temporary_bytes": getattr(memory, "temp_size_in_bytes", None),
    }


def told(row: dict[str, Any]) -> str:
    kind = "train" if row["train"] else "infer"
    rates = [
        f"{way} {found['images_per_s']:,.1f}" if "images_per_s" in found else f"{way} none"
        for way, found in row["ways"].items()
    ]
    share = row.get("share_of_bound", {}).get("separate", 0)
    return (
        f"{row['model']} {row['batch']} {kind}: {', '.join(rates)} images/s; {share:.0%} of bound"
    )
