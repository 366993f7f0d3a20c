"""Masks over their images: what is true, what was said, and where the two differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from jaxcnn.images import class_colors, overlay_classes, sheet
from train.data.source import IGNORE
from train.pixel_evaluation import PixelEvaluation, scores
from train.report.gallery import percent

CELL = 192
"""Side of a picture in pixels."""


@dataclass(frozen=True)
class Labelled:
    """An image with the classes of its pixels."""

    index: int
    """Position in its source."""
    image: np.ndarray
    """uint8 (H, W, C)."""
    truth: np.ndarray
    """Classes (H, W)."""
    said: np.ndarray
    """Predicted classes (H, W)."""
    miou: float


Show = Callable[[Sequence[int]], list[Labelled]]
"""From rows of the evaluation to what is shown of them."""


def chosen(evaluation: PixelEvaluation, limit: int) -> tuple[list[int], list[int]]:
    """Return rows of the evaluation: at equal distances, and those with the lowest mIoU."""
    places = np.linspace(0, evaluation.count - 1, min(limit, evaluation.count))
    each = np.array([scores(confusion)["miou"] for confusion in evaluation.confusions])
    worst = np.argsort(np.nan_to_num(each, nan=2.0), kind="stable")[:limit]
    return places.round().astype(int).tolist(), worst.tolist()


def overlay_sheet(shown: Sequence[Labelled], title: str) -> np.ndarray:
    """Return a picture with a row for each image: itself, truth, prediction, mistakes."""
    pictures, captions = [], []
    for one in shown:
        wrong = (one.truth != one.said) & (one.truth != IGNORE)
        pictures += [
            one.image,
            overlay_classes(one.image, one.truth),
            overlay_classes(one.image, one.said),
            marked(one.image, wrong),
        ]
        captions += [
            [f"image {one.index:,}"],
            ["truth"],
            ["prediction", f"mIoU {percent(one.miou)}"],
            ["wrong", f"{percent(float(wrong.mean()))} of the pixels"],
        ]
    longest = max(max(picture.shape[:2]) for picture in pictures)
    cell = CELL // longest * longest or CELL  # so that enlarged pixels fill it
    return sheet(pictures, captions, title=title, columns=4, cell=cell)


def marked(image: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Return the image faint, with the wrong pixels in red."""
    faint = overlay_classes(image, np.full(wrong.shape, IGNORE), opacity=0.5)
    faint[wrong] = (220, 40, 30)
    return faint


def legend(names: Sequence[str]) -> str:
    """Return the classes with their colours as HTML."""
    from html import escape

    box = "display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:5px;"
    items = [
        f'<span style="white-space:nowrap;margin-right:14px"><span style="{box}background:'
        f'rgb({red},{green},{blue})"></span>{escape(name)}</span>'
        for name, (red, green, blue) in zip(names, class_colors(len(names)), strict=True)
    ]
    return f'<p class="note">{" ".join(items)}</p>'
