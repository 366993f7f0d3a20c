"""The tables of `benchmarks/README.md`, from the raw results.

python -m benchmarks.tables
"""

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
INTRO = """# What was measured

Written by `python -m benchmarks.tables` from `benchmarks/results`, which also hold all versions.
"""


def main() -> None:
    parts = [INTRO]
    for name, (title, note, table) in TABLES.items():
        path = FOLDER / "results" / f"{name}.json"
        if path.exists():
            found = json.loads(path.read_text())
            machine = found["machine"]
            where = f"{machine['cores']} cores of {machine['processor']}, jax {machine['jax']}."
            parts += [f"## {title}\n", f"{note} {where}\n", table(found["rows"]) + "\n"]
    (FOLDER / "README.md").write_text("\n".join(parts))


def markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; all columns but the first are numbers."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def compile_times(rows: Sequence[dict[str, Any]]) -> str:
    head = ("model", "init", "initialize", "inference", "training step")
    traces = ("init", "init", "inference", "training")
    compiles = ("init", "initialize", "inference", "training")
    return markdown(
        head,
        [
            (
                f"`{row['model']}`",
                *(
                    f"{row[trace + '_trace_s'] + row[work + '_compile_s']:.1f}"
                    for trace, work in zip(traces, compiles, strict=True)
                ),
            )
            for row in sorted(rows, key=lambda row: row["training_compile_s"])
        ],
    )


def starts(rows: Sequence[dict[str, Any]]) -> str:
    states = [
        f"{library}_{state}_s" for library in ("jaxcnn", "flax") for state in ("cold", "warm")
    ]
    head = ("workload", "cold", "warm", "Flax, cold", "Flax, warm")
    return markdown(
        head, [(row["name"], *(f"{row[state]:.1f}" for state in states)) for row in rows]
    )


def few_images(rows: Sequence[dict[str, Any]]) -> str:
    head = ("method", "images per class", "test top-1, %", "minutes")
    return markdown(
        head,
        [
            (
                row["method"],
                f"{row['per_class']:,}",
                f"{100 * row['mean_top1']:.1f} ± {100 * row['stdev_top1']:.1f}",
                f"{row['seconds'] / 60:.0f}",
            )
            for row in rows
        ],
    )


def beside(seconds: dict[str, Sequence[float]], peer: str) -> str:
    """Return how often as long a peer takes: the median of the rounds, and the extremes."""
    if peer not in seconds:
        return ""
    pairs = zip(seconds["jaxcnn"], seconds[peer], strict=True)
    ratios = [theirs / ours for ours, theirs in pairs]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def milliseconds(seconds: Sequence[float]) -> str:
    """Return the median and the least."""
    return f"{1e3 * statistics.median(seconds):,.1f} ({1e3 * min(seconds):,.1f})"


def networks(rows: Sequence[dict[str, Any]]) -> str:
    peers = ("flax", "torch", "torch.compile", "keras", "haiku", "equinox")
    peers = [peer for peer in peers if any(peer in row["peers"] for row in rows)]
    head = ("workload", "ms (least)", *(f"{peer} takes" for peer in peers))
    lines = []
    for row in rows:
        seconds = {name: peer["seconds"] for name, peer in row["peers"].items()}
        ratios = [beside(seconds, peer) for peer in peers]
        lines.append((row["name"], milliseconds(seconds["jaxcnn"]), *ratios))
    head_2 = ("workload", *(f"{peer}: ready s, MB" for peer in ("jaxcnn", *peers)))
    costs = [
        (
            row["name"],
            *(
                cost(found) if found else ""
                for found in (row["peers"].get(peer) for peer in ("jaxcnn", *peers))
            ),
        )
        for row in rows
    ]
    return markdown(head, lines) + "\n\n" + markdown(head_2, costs)


def cost(peer: dict[str, Any]) -> str:
    """Return the seconds to the first step and the memory, where that is known."""
    peak = peer["peak_mb"]
    return f"{peer['ready_s']:.1f}, " + ("?" if peak is None else f"{peak:,}")


def operations(rows: Sequence[dict[str, Any]]) -> str:
    head = (
        "operation",
        "ms (least)",
        "Flax takes",
        "PyTorch takes",
        "a product for each tap takes",
    )
    return markdown(
        head,
        [
            (
                row["name"],
                milliseconds(row["seconds"]["jaxcnn"]),
                *(beside(row["seconds"], peer) for peer in ("flax", "torch", "dots")),
            )
            for row in rows
        ],
    )


def descriptors(rows: Sequence[dict[str, Any]]) -> str:
    """Return a line for each network and descriptor, and a column for each compression."""
    columns = ("none", 256, 128, 32, "128 plain")
    found: dict[tuple[str, str], dict[Any, str]] = {}
    for row in rows:
        name = row["descriptor"] + (f", {row['then']}" if "then" in row else "")
        line = found.setdefault((row["network"], name), {})
        column = row["dims"] if row["pca"] == "whitened" else "128 plain"
        column = "none" if row["pca"] == "none" else column
        shown = [f"{100 * row[key]:.1f}" for key in ("map", "precision_at_10") if key in row]
        line[column] = " / ".join(shown) or "refused"
    head = ("network", "descriptor", "no PCA", "256", "128", "32", "128, not whitened")
    lines = [(*key, *(line.get(c, "") for c in columns)) for key, line in found.items()]
    return markdown(head, lines)


def searches(rows: Sequence[dict[str, Any]]) -> str:
    head = ("vectors", "jaxcnn, s", "faiss flat, s", "of the cores, s", "faiss", "relative speed")
    lines = []
    for row in rows:
        medians = [
            f"{statistics.median(row[clock][engine]):.2f}"
            for clock in ("seconds", "cpu_seconds")
            for engine in ("jaxcnn", "faiss")
        ]
        lines.append((f"{row['vectors']:,}", *medians, f"{row['relative_speed_wall']:.2f}"))
    return markdown(head, lines)


TABLES: dict[str, tuple[str, str, Callable[[Sequence[dict[str, Any]]], str]]] = {
    "cpu": (
        "Networks beside other libraries, on a CPU",
        "Milliseconds of a step, median and least of the rounds, and how often as long others "
        "take for the same (above 1, jaxcnn is faster): same weights, images and losses, "
        "processes of their own by turns, all with memory in huge pages. A name says table, "
        "network, batch, size, use. `ready` is the time to the first step, compilation included; "
        "`python -m benchmarks cpu`.",
        networks,
    ),
    "cpu_avx2": (
        "The same on a processor without AVX-512",
        "Measured later than the rows above: transposed convolutions and gradients of pooling, of "
        "depthwise and of first layers have forms of their own since. Below are the growth with "
        "batch, resolution and depth. This processor has no arithmetic of bfloat16.",
        networks,
    ),
    "cpu_newest": (
        "The same with the newest jax",
        "On the processor without AVX-512 too.",
        networks,
    ),
    "ops": (
        "Single operations, on a CPU",
        "As above, for an operation or one of its gradients; `python -m benchmarks ops`.",
        operations,
    ),
    "compile": (
        "Compile time",
        "Seconds of work on the cores to trace and compile at a batch of 8 in the usual size, "
        "`init` as `jax.jit(model.init)` and as `jaxcnn.initialize`; `python -m benchmarks "
        "compile`.",
        compile_times,
    ),
    "start": (
        "Time to the first step",
        "Seconds to the first training step of a new process, imports included: without compiled "
        "programs kept from before (cold), and with them (warm), which the lab keeps by default; "
        "one start each; `python -m benchmarks start`.",
        starts,
    ),
    "proof_fewshot": (
        "Few images per class",
        "Fashion-MNIST, five draws; more in [fewshot](fewshot/README.md); `python -m benchmarks "
        "proof fewshot`.",
        few_images,
    ),
    "proof_retrieval": (
        "Descriptors for search by image",
        "mAP / precision at 10 in % on Fashion-MNIST, 10,000 images and 1,000 queries, an image "
        "of the same class is relevant; columns are dimensions after PCA with whitening, fitted "
        "on 5,000 other images. Whitening, made for objects of which an index has a few images, "
        "keeps the first ten answers and ruins the order of a thousand: classes lie along the few "
        "axes that it shrinks. Plain PCA costs nothing. `python -m benchmarks proof retrieval`.",
        descriptors,
    ),
    "search": (
        "Exact search",
        "1,000 queries, 256 dimensions, the 10 best; medians of 5 (2 for a million) in turns with "
        "faiss, other work on the same cores; `python -m benchmarks search`.",
        searches,
    ),
}

if __name__ == "__main__":
    main()
