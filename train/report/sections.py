"""The parts of the report's page, from the headline figures to the environment."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxcnn.cli import html
from jaxcnn.cli.html import percent
from train.evaluate import Evaluation
from train.progress import duration
from train.report.curves import Rows, draw_panels, series
from train.report.findings import Example, class_rows, confused_pairs, hits, wilson
from train.report.gallery import gallery
from train.report.matrix import NAMED, NUMBERED, draw_matrix
from train.report.theme import DARK, LIGHT

HEADLINE = ("config", "model", "parameters", "train_seconds", "test")
"""Keys of the summary that the cards and the title show; all others stand in a table."""


def heading(summary: Mapping[str, Any]) -> str:
    """Return the title of the page as HTML."""
    model = summary.get("model", "")
    lead = f'<p class="lead">{html.escape(model)} · training report</p>'
    return f"<h1>{html.escape(title(summary))}</h1>{lead}"


def title(summary: Mapping[str, Any]) -> str:
    """Return the name of the run."""
    return str(summary.get("config") or "Run")


def cards(
    evaluation: Evaluation, num_classes: int, history: Rows, summary: Mapping[str, Any]
) -> str:
    """Return the headline figures."""
    made = [_share_card("Test top-1", hits(evaluation, 1), evaluation.count)]
    if num_classes > 5:
        made.append(_share_card("Test top-5", hits(evaluation, 5), evaluation.count))
    made += run_cards(evaluation.loss, history, summary)
    return f'<div class="cards">{"".join(made)}</div>'


def run_cards(loss: float, history: Rows, summary: Mapping[str, Any]) -> list[str]:
    """Return the figures that every run has."""
    made = [html.card("Test loss", f"{loss:.4g}", "mean cross-entropy in nats")]
    if "parameters" in summary:
        number = summary["parameters"]
        made.append(html.card("Parameters", compact(number), f"{number:,} trained"))
    if "train_seconds" in summary:
        note = "with compiling, validation and checkpoints"
        made.append(html.card("Training time", duration(summary["train_seconds"]), note))
    _, rates = series(history, "train", "images_per_second")
    if rates.size:
        _, stalls = series(history, "train", "stall")
        wait = (
            f"; {statistics.mean(stalls):.1%} of the time waiting for data" if stalls.size else ""
        )
        speed = f"{statistics.median(rates):,.0f}"
        made.append(html.card("Images per second", speed, f"median while training{wait}"))
    return made


def curves(history: Rows, steps_per_epoch: int) -> str:
    """Return the learning curves, one picture each so that a phone shows them large."""
    if not history:
        return ""
    pictures = [
        html.picture(
            draw_panels([name], history, steps_per_epoch, LIGHT),
            draw_panels([name], history, steps_per_epoch, DARK),
            f"{name} over the run",
        )
        for name in panel_names(history)
    ]
    note = (
        "Training figures are those of augmented images while the network still changes: means "
        "since the line before, thin as logged, bold as a running mean."
    )
    return html.section(
        "Learning curves", f'<div class="plots">{"".join(pictures)}</div>', note=note
    )


def panel_names(history: Rows) -> list[str]:
    """Return the panels for which there is something to draw."""
    pixels = any("miou" in row for row in history)
    names = ["loss", "miou", "pixels"] if pixels else ["loss", "accuracy"]
    return [*names, "rate"] if series(history, "train", "learning_rate")[0].size else names


def mistakes(
    examples: Sequence[Example], evaluation: Evaluation, images: Any, names: Sequence[str]
) -> str:
    """Return the worst predictions with their images."""
    wrong = evaluation.count - hits(evaluation, 1)
    if wrong:
        heading = "Worst mistakes"
        note = (
            f"{len(examples):,} of {wrong:,} mistakes, the highest loss first. Each shows what the "
            "network said with its probability, and the true class with the one it was given."
        )
    else:
        heading = "No mistakes"
        note = f"All {evaluation.count:,} answers are right; these were the least certain ones."
    return html.section(heading, gallery(examples, images, names), note=note)


def samples(examples: Sequence[Example], images: Any, names: Sequence[str]) -> str:
    """Return predictions that nobody picked."""
    note = "Taken at equal distances through the test split, not chosen by how well they went."
    return html.section("Sample predictions", gallery(examples, images, names), note=note)


def classes(matrix: np.ndarray, names: Sequence[str]) -> str:
    """Return the confusion matrix, the most frequent confusions and the table of classes."""
    note = (
        "A row holds the examples of a true class, a column those predicted as it. Blue: share of "
        "the row that is right. Orange: share taken for another class, on a scale of its own."
    )
    pictures = html.picture(
        draw_matrix(matrix, names, LIGHT),
        draw_matrix(matrix, names, DARK),
        "confusion matrix",
        kind="matrix" if len(names) <= 12 else "matrix wide",
    )
    pairs = confused_pairs(matrix, 20)
    counts = matrix.sum(axis=1)
    confused = html.table(
        ("True class", "Taken for", "Count", "Share of the class"),
        [(names[a], names[b], f"{n:,}", percent(n / counts[a])) for a, b, n in pairs],
        numbers="  nn",
    )
    return html.section("Confusion matrix", pictures, note=note) + html.section(
        "Classes",
        html.fold("Most frequent confusions", confused) if pairs else "",
        html.fold("All classes", _class_table(matrix, names), unfolded=len(names) <= NUMBERED),
    )


def run_facts(summary: Mapping[str, Any], config_json: str, environment: Mapping[str, str]) -> str:
    """Return how the run was made and on what."""
    listed = {k: v for k, v in summary.items() if k not in HEADLINE and v not in ({}, [], None)}
    facts = [(name.replace("_", " "), _text(value)) for name, value in listed.items()]
    return (
        html.section("Environment", html.table(("", ""), list(environment.items())))
        + html.section("Run", html.table(("", ""), facts) if facts else "")
        + html.section("Config", f"<pre>{html.escape(config_json)}</pre>")
    )


def compact(number: int) -> str:
    """Write a large number with three digits.

    >>> compact(61706), compact(950), compact(1_234_567), compact(459_000)
    ('61.7 k', '950', '1.23 M', '459 k')
    """
    for factor, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= factor:
            value = number / factor
            return f"{value:.{2 - (value >= 10) - (value >= 100)}f} {unit}"
    return str(number)


def _share_card(label: str, right: int, count: int) -> str:
    low, high = wilson(right, count)
    note = f"{right:,} of {count:,}; 95% interval {100 * low:.1f}–\u2060{100 * high:.1f}%"
    return html.card(label, percent(right / count, 2), note)


def _class_table(matrix: np.ndarray, names: Sequence[str]) -> str:
    """Return a row for each class; of many classes the worst stand first."""
    rows = class_rows(matrix, list(names))
    if len(rows) > NAMED:
        rows.sort(key=lambda row: np.nan_to_num(row.recall, nan=2.0))
    return html.table(
        ("Class", "Examples", "Recognised", "Precision", "Most often taken for"),
        [
            (r.name, f"{r.count:,}", percent(r.recall), percent(r.precision), r.mistaken_for)
            for r in rows
        ],
        numbers=" nnn",
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
