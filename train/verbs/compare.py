"""`python -m train compare RUN RUN...`: figures, differing config fields, curves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import rich.box
import tyro
from rich.console import Console
from rich.table import Table

from jaxcnn.cli import html
from train.config import numbers
from train.errors import UserError
from train.finished import read_json
from train.log import read_metrics
from train.report.several import draw_runs
from train.report.theme import DARK, LIGHT
from train.rundir import write_atomically


@dataclass(frozen=True)
class Arguments:
    """Several runs side by side; they need not be finished."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders of runs."""
    output: Path = Path("compare.html")
    """The page with curves."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON, and write no page."""


@dataclass(frozen=True)
class Run:
    """What is known of a run."""

    name: str
    config: dict[str, Any]
    history: list[dict[str, Any]]
    summary: dict[str, Any]


def main(words: Sequence[str]) -> int:
    """Read the runs, print the table, write the page."""
    arguments = tyro.cli(Arguments, prog="python -m train compare", args=words)
    runs = [read_run(folder) for folder in arguments.runs]
    if len(set(map(headline_of, runs))) > 1:
        raise UserError("classifications and segmentations have no figure in common")
    rows, changed = [figures(run) for run in runs], differences(runs)
    if arguments.json:
        print(json.dumps({"runs": rows, "differences": changed}, indent=1))
        return 0
    for head, lines in tables(rows, changed):
        shown = Table(*head, box=rich.box.SIMPLE)
        for line in lines:
            shown.add_row(*line)
        Console().print(shown)
    write_atomically(arguments.output, page(runs, tables(rows, changed)))
    print(f"curves: {arguments.output}")
    return 0


def read_run(folder: Path) -> Run:
    """Return what the folder of a run holds so far."""
    config = numbers(read_json(folder, "config.json", "give the folders of runs: runs/NAME"))
    summary = folder / "summary.json"
    found = read_json(folder, "summary.json", "") if summary.exists() else {}
    history = read_metrics(folder) if (folder / "metrics.jsonl").exists() else []
    return Run(folder.resolve().name, config, history, found)


def figures(run: Run) -> dict[str, Any]:
    """Return a run's figures; None where there are none yet."""
    headline = headline_of(run)
    validated = [row[headline] for row in run.history if row["split"] == "val"]
    test = run.summary.get("test", {})
    return {
        "run": run.name,
        "model": run.config["model.name"],
        "parameters": run.summary.get("parameters"),
        "steps": max((row["step"] for row in run.history), default=0),
        f"best_val_{headline}": max(validated, default=None),
        f"test_{headline}": test.get(headline),
        "test_top5": test.get("top5"),
        "train_seconds": run.summary.get("train_seconds"),
    }


def headline_of(run: Run) -> str:
    """Return the figure by which the run's networks are ranked."""
    return "miou" if run.config.get("task") == "segmentation" else "top1"


def differences(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Return the fields that are not the same in all runs, with their values."""
    names = dict.fromkeys(name for run in runs for name in run.config)
    found = {name: [run.config.get(name) for run in runs] for name in names}
    return {name: v for name, v in found.items() if any(value != v[0] for value in v)}


def tables(
    rows: Sequence[dict[str, Any]], changed: dict[str, list[Any]]
) -> list[tuple[list[str], list[list[str]]]]:
    """Return heads and lines of the two tables as text."""
    head = [name.replace("_", " ") for name in rows[0]]
    first = (head, [[cell(name, value) for name, value in row.items()] for row in rows])
    lines = [[name, *(json.dumps(v) for v in values)] for name, values in changed.items()]
    return [first, (["differs", *(row["run"] for row in rows)], lines)] if lines else [first]


def cell(name: str, value: Any) -> str:
    """Write a figure as people read it."""
    if value is None:
        return "-"
    if name.startswith(("best_val_", "test_")):
        return f"{value:.2%}"
    return f"{value:,.0f}" if isinstance(value, (int, float)) else str(value)


def page(runs: Sequence[Run], shown: Sequence[Any]) -> str:
    """Return the page."""
    named = [(run.name, run.history) for run in runs]
    pictures = [
        html.picture(draw_runs(kind, named, LIGHT), draw_runs(kind, named, DARK), kind)
        for kind in ("loss", headline_of(runs[0]))
        if any(run.history for run in runs)
    ]
    lists = "".join(html.table(head, lines) for head, lines in shown)
    plots = f'<div class="plots">{"".join(pictures)}</div>'
    body = html.section("Figures", lists) + html.section(
        "Curves", plots, note="Validation bold, training thin."
    )
    return html.page("Runs side by side", f"<h1>Runs side by side</h1>{body}")
