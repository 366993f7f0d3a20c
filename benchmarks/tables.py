"""The tables of `benchmarks/README.md`, from the raw results.

python -m benchmarks.tables
"""

import json
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


TABLES: dict[str, tuple[str, str, Callable[[Sequence[dict[str, Any]]], str]]] = {
    "compile": (
        "Compile time",
        "Seconds of work on the cores to trace and compile at a batch of 8 in the usual size, "
        "`init` as `jax.jit(model.init)` and as `jaxcnn.initialize`; `python -m benchmarks "
        "compile`.",
        compile_times,
    ),
    "proof_fewshot": (
        "Few images per class",
        "Fashion-MNIST, five draws; more in [fewshot](fewshot/README.md); `python -m benchmarks "
        "proof fewshot`.",
        few_images,
    ),
}

if __name__ == "__main__":
    main()
