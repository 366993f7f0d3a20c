"""`python -m train evaluate RUN`: the final network on any split, or on other data."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import rich.box
import tyro
from rich.console import Console
from rich.table import Table

from train.errors import UserError
from train.evaluate import Evaluation
from train.finished import Finished, open_finished
from train.pixel_evaluation import PixelEvaluation
from train.report.findings import ClassRow, class_rows, confusion, hits, wilson
from train.report.segmentation import as_table


@dataclass(frozen=True)
class Arguments:
    """The final network of a run on any of its splits, or on other data."""

    run: Annotated[Path, tyro.conf.Positional]
    """Folder of a finished run."""
    split: Literal["test", "val", "train"] = "test"
    """Which examples. Choices that are made by looking at the test split make it worthless."""
    source: str = ""
    """Other data with the same classes, as in --data.source; empty takes the run's."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON."""


def main(words: Sequence[str]) -> int:
    """Evaluate and print."""
    arguments = tyro.cli(Arguments, prog="python -m train evaluate", args=words)
    data = {"source": arguments.source} if arguments.source else {}
    finished = open_finished(arguments.run, **data)
    result = evaluated(finished, arguments.split)
    names = finished.setup.splits.class_names
    if isinstance(result, PixelEvaluation):
        show_pixels(result, names, arguments.json)
        return 0
    rows = class_rows(confusion(result, len(names)), list(names))
    if arguments.json:
        print(json.dumps(as_json(result, rows)))
    else:
        show(result, rows)
    return 0


def show_pixels(result: PixelEvaluation, names: Sequence[str], as_json: bool) -> None:
    """Print the scores of a segmentation, and of each class."""
    figures = {"count": result.count, "loss": result.loss, **result.scores}
    rows = as_table(result.confusion, names)
    if as_json:
        finite = {k: v if np.isfinite(v) else None for k, v in figures.items()}
        print(json.dumps(finite | {"classes": rows}))
        return
    for name in ("miou", "dice", "pixel_accuracy"):
        print(f"{name.replace('_', ' ')}: {figures[name]:.2%}")
    print(f"loss: {result.loss:.4f} nats, {result.count:,} images")
    table = Table("class", "pixels", "IoU", "Dice", box=rich.box.SIMPLE)
    for row in rows:
        shares = ("-" if row[key] is None else f"{row[key]:.1%}" for key in ("iou", "dice"))
        table.add_row(row["class"], f"{row['pixels']:,}", *shares)
    Console().print(table)


def evaluated(finished: Finished, split: str) -> Any:
    """Return what the final network says of a split."""
    source = getattr(finished.setup.splits, split)
    if source is None:
        raise UserError(f"the run has no {split} split: its data.{split}_fraction is 0")
    total, console = len(source), Console(stderr=True)

    def told(count: int) -> None:
        status.update(f"{count:,}/{total:,} images")

    with console.status("compiling") as status:
        return finished.setup.evaluator()(finished, source, told)


def as_json(result: Evaluation, rows: Sequence[ClassRow]) -> dict[str, Any]:
    """Return all figures as JSON's values."""
    found = {"count": result.count, "loss": result.loss, "top1": result.top1, "top5": result.top5}
    right = {f"right_top{k}": hits(result, k) for k in (1, 5)}
    classes = [
        {"class": r.name, "count": r.count, "recall": _number(r.recall)}
        | {"precision": _number(r.precision), "mistaken_for": r.mistaken_for}
        for r in rows
    ]
    return found | right | {"classes": classes}


def show(result: Evaluation, rows: Sequence[ClassRow]) -> None:
    """Print the exact counts and a table of classes."""
    for k in (1, 5):
        right = hits(result, k)
        low, high = wilson(right, result.count)
        share = f"{right / result.count:.2%}"
        print(f"top-{k}: {right:,} of {result.count:,} = {share} (95% {low:.2%} to {high:.2%})")
    print(f"loss: {result.loss:.4f} nats")
    table = Table("class", "examples", "recognised", "precision", "most often taken for")
    table.box = rich.box.SIMPLE
    for r in rows:
        cells = (f"{share:.1%}" if np.isfinite(share) else "-" for share in (r.recall, r.precision))
        table.add_row(r.name, f"{r.count:,}", *cells, r.mistaken_for)
    Console().print(table)


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
