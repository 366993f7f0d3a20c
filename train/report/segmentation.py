"""`report.html` of a segmentation: scores, curves, overlays, the classes one by one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxcnn import metrics
from jaxcnn.cli import html
from train.errors import UserError
from train.pixel_evaluation import PixelEvaluation
from train.report import sections
from train.report.curves import Rows, draw_panels
from train.report.findings import class_rows
from train.report.gallery import percent
from train.report.matrix import draw_matrix
from train.report.overlays import Show, chosen, legend, overlay_sheet
from train.report.theme import DARK, LIGHT
from train.report.write import save

SHOWN = 8
"""Images in each picture of overlays."""


def write_pixel_report(
    directory: str | Path,
    *,
    history: Rows,
    evaluation: PixelEvaluation,
    show: Show,
    class_names: Sequence[str],
    config_json: str,
    environment: Mapping[str, str],
    summary: Mapping[str, Any],
) -> Path:
    """Write `report.html`, which needs no other file, and `report/*.png`; return its path.

    Args:
        directory: Folder of the run.
        history: Rows of the metrics log.
        evaluation: Of the test split.
        show: Returns images and masks of some rows of the evaluation.
        class_names: Name of each class.
        config_json: The config as JSON text.
        environment: What the run ran on.
        summary: Figures of the run, as for `write_report`.
    """
    if not evaluation.count:
        raise UserError("the test split holds no example; give it some with --data.test-fraction")
    names = [str(name) for name in class_names]
    steps_per_epoch = int(summary.get("steps_per_epoch") or 0)
    samples, worst = chosen(evaluation, SHOWN)
    pictures = {
        "curves": draw_panels(sections.panel_names(history), history, steps_per_epoch),
        "confusion": draw_matrix(evaluation.confusion, names),
        "overlays": html.encode(overlay_sheet(show(samples), "Sample predictions")),
        "worst": html.encode(overlay_sheet(show(worst), "Lowest mIoU")),
    }
    body = "".join(
        (
            sections.heading(summary),
            cards(evaluation, history, summary),
            sections.curves(history, steps_per_epoch),
            overlays(pictures, names),
            classes(evaluation, names),
            sections.run_facts(summary, config_json, environment),
        )
    )
    document = html.page(f"{sections.title(summary)}: training report", body)
    return save(Path(directory), document, pictures)


def cards(evaluation: PixelEvaluation, history: Rows, summary: Mapping[str, Any]) -> str:
    """Return the headline figures."""
    found, pixels = evaluation.scores, int(evaluation.confusion.sum())
    made = [
        html.card("Test mIoU", percent(found["miou"], 2), "mean of the classes"),
        html.card("Test Dice", percent(found["dice"], 2), "mean of the classes"),
        html.card(
            "Pixel accuracy",
            percent(found["pixel_accuracy"], 2),
            f"{pixels:,} pixels of {evaluation.count:,} images",
        ),
        *sections.run_cards(evaluation.loss, history, summary),
    ]
    return f'<div class="cards">{"".join(made)}</div>'


def overlays(pictures: Mapping[str, bytes], names: Sequence[str]) -> str:
    """Return the masks over the images."""
    notes = {
        "overlays": "Taken at equal distances through the test split, not chosen by how well they "
        "went. Red marks the pixels that are wrong.",
        "worst": "The images of the test split with the lowest mean IoU of their own classes.",
    }
    titles = {"overlays": "Sample predictions", "worst": "Worst predictions"}
    return "".join(
        html.section(
            titles[name],
            legend(names),
            f'<figure class="plot"><img src="{html.data_uri(pictures[name])}" '
            f'alt="{titles[name]}"></figure>',
            note=note,
        )
        for name, note in notes.items()
    )


def classes(evaluation: PixelEvaluation, names: Sequence[str]) -> str:
    """Return the table of classes and the confusion matrix of pixels."""
    matrix = evaluation.confusion
    shares = zip(metrics.iou_per_class(matrix), metrics.dice_per_class(matrix), strict=True)
    rows = [
        (
            row.name,
            f"{row.count:,}",
            *(percent(float(share)) for share in pair),
            percent(row.recall),
            percent(row.precision),
            row.mistaken_for,
        )
        for row, pair in zip(class_rows(matrix, list(names)), shares, strict=True)
    ]
    head = ("Class", "Pixels", "IoU", "Dice", "Recognised", "Precision", "Most often taken for")
    picture = html.picture(
        draw_matrix(matrix, names, LIGHT),
        draw_matrix(matrix, names, DARK),
        "confusion matrix of pixels",
        kind="matrix" if len(names) <= 12 else "matrix wide",
    )
    note = (
        "A row holds the pixels of a true class, a column those predicted as it. Blue: share of "
        "the row that is right. Orange: share taken for another class, on a scale of its own."
    )
    return html.section("Classes", html.table(head, rows, numbers=" nnnnn")) + html.section(
        "Confusion matrix", picture, note=note
    )


def as_table(matrix: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the scores of each class as JSON's values; None where nothing was counted."""
    columns = {"iou": metrics.iou_per_class(matrix), "dice": metrics.dice_per_class(matrix)}
    rows = []
    for i, name in enumerate(names):
        found = {key: float(values[i]) for key, values in columns.items()}
        finite = {key: value if np.isfinite(value) else None for key, value in found.items()}
        rows.append({"class": name, "pixels": int(matrix[i].sum()), **finite})
    return rows
