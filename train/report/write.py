"""Write `report.html` and its pictures."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from jaxcnn.cli import html
from train.errors import UserError
from train.evaluate import Evaluation
from train.report import findings, sections
from train.report.curves import Rows, draw_panels
from train.report.gallery import gallery_png
from train.report.matrix import draw_matrix

MISTAKES, SAMPLES = 48, 24


class ImagesByPosition(Protocol):
    """Anything that gives the uint8 image (H, W, C) at a position of the source."""

    def __getitem__(self, index: int, /) -> np.ndarray: ...


def write_report(
    directory: str | Path,
    *,
    history: Rows,
    evaluation: Evaluation,
    test_images: ImagesByPosition,
    class_names: Sequence[str],
    config_json: str,
    environment: Mapping[str, str],
    summary: Mapping[str, Any],
) -> Path:
    """Write `report.html`, which needs no other file, and `report/*.png`; return its path.

    Args:
        directory: Folder of the run.
        history: Rows of the metrics log.
        evaluation: Of the test split; its `indices` are positions in `test_images`.
        test_images: The images; only those that are shown are asked for.
        class_names: Name of each class.
        config_json: The config as JSON text.
        environment: What the run ran on.
        summary: Figures of the run. `config`, `model`, `parameters` and `train_seconds` make the
            headline, `steps_per_epoch` the axis of the curves; all else is listed.
    """
    if not evaluation.count:
        raise UserError("the test split holds no example; give it some with --data.test-fraction")
    names = [str(name) for name in class_names]
    matrix = findings.confusion(evaluation, len(names))
    worst = findings.worst(evaluation, MISTAKES)
    samples = findings.samples(evaluation, SAMPLES)
    steps_per_epoch = int(summary.get("steps_per_epoch") or 0)
    body = "".join(
        (
            sections.heading(summary),
            sections.cards(evaluation, len(names), history, summary),
            sections.curves(history, steps_per_epoch),
            sections.mistakes(worst, evaluation, test_images, names),
            sections.samples(samples, test_images, names),
            sections.classes(matrix, names),
            sections.run_facts(summary, config_json, environment),
        )
    )
    right = evaluation.count == findings.hits(evaluation, 1)
    title = "No mistakes: the least certain answers" if right else "Worst mistakes"
    pictures = {
        "curves": draw_panels(sections.panel_names(history), history, steps_per_epoch),
        "confusion": draw_matrix(matrix, names),
        "mistakes": gallery_png(worst, test_images, names, title),
        "samples": gallery_png(samples, test_images, names, "Sample predictions"),
    }
    document = html.page(f"{sections.title(summary)}: training report", body)
    return save(Path(directory), document, pictures)


def save(directory: Path, document: str, pictures: Mapping[str, bytes]) -> Path:
    """Write all files, the page last and at once."""
    path, folder = directory / "report.html", directory / "report"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in pictures.items():
            (folder / f"{name}.png").write_bytes(data)
        draft = path.with_suffix(".html.part")
        draft.write_text(document, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise UserError(
            f"cannot write the report to {directory}: {error.strerror}; free some space and run "
            "the same command again"
        ) from error
    return path
