"""Loss, accuracy and learning rate over the run."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from train.report.theme import LIGHT, Theme, dress, figure, png

Rows = Sequence[Mapping[str, Any]]
Series = tuple[np.ndarray, np.ndarray]
Panel = Callable[[Axes, Rows, Theme], None]

FEW_POINTS = 25
"""Up to so many points are marked one by one."""


def series(history: Rows, split: str, name: str) -> Series:
    """Return the steps and values of a metric, without those that are missing or not finite."""
    rows = [row for row in history if row.get("split") == split and row.get(name) is not None]
    steps = np.array([row["step"] for row in rows], float)
    values = np.array([row[name] for row in rows], float)
    finite = np.isfinite(values)
    return steps[finite], values[finite]


def loss_panel(axes: Axes, history: Rows, theme: Theme) -> None:
    """Draw the loss, on a logarithmic axis where it spans much."""
    dress(axes, theme, "Loss (nats)")
    lines = _lines(axes, history, theme, "loss", 1.0)
    values = np.concatenate([values for _, values in lines])
    if values.size and values.min() > 0 and values.max() > 20 * values.min():
        axes.set_yscale("log")
        decades = np.log10(values.max() / values.min())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 3 else (1,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.yaxis.set_minor_formatter("")
    elif values.size:
        axes.set_ylim(0, 1.08 * values.max() or 1)


def share_panel(axes: Axes, history: Rows, theme: Theme, name: str, title: str) -> None:
    """Draw a share, near enough to tell good from better."""
    dress(axes, theme, f"{title} (%)")
    lines = _lines(axes, history, theme, name, 100.0)
    last = max((steps.max() for steps, _ in lines if steps.size), default=0)
    # The first tenth of a run climbs from chance and would press the rest against the top.
    late = [values[steps > last / 10] for steps, values in lines]
    values = np.concatenate(late or [np.empty(0)])
    if values.size:
        # Of many noisy lines a few low ones may leave the picture.
        low = values.min() if values.size <= FEW_POINTS else np.percentile(values, 2)
        high = values.max()
        room = max(0.08 * (high - low), 1)
        axes.set_ylim(max(low - room, 0), min(high + room, 100.4))


def rate_panel(axes: Axes, history: Rows, theme: Theme) -> None:
    """Draw the learning rate."""
    dress(axes, theme, "Learning rate")
    steps, values = series(history, "train", "learning_rate")
    axes.plot(steps, values, color=theme.muted, linewidth=2, **_marks(steps))
    axes.set_ylim(0, 1.08 * max(values, default=1) or 1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))


PANELS: dict[str, Panel] = {
    "loss": loss_panel,
    "accuracy": partial(share_panel, name="top1", title="Top-1 accuracy"),
    "miou": partial(share_panel, name="miou", title="mIoU"),
    "pixels": partial(share_panel, name="pixel_accuracy", title="Pixel accuracy"),
    "rate": rate_panel,
}


def draw_panels(
    names: Sequence[str], history: Rows, steps_per_epoch: int, theme: Theme = LIGHT
) -> bytes:
    """Return a PNG of panels side by side, as wide as their number asks."""
    made = figure(4.6 * len(names), 3.4, theme)
    for axes, name in zip(np.atleast_1d(made.subplots(1, len(names))), names, strict=True):
        PANELS[name](axes, history, theme)
        _x_axis(axes, theme, max((row["step"] for row in history), default=1), steps_per_epoch)
    return png(made)


def smooth(values: np.ndarray, span: int) -> np.ndarray:
    """Return a running mean, corrected at the start, that weighs about `span` points.

    >>> smooth(np.array([1.0, 1.0, 8.0]), 2).tolist()
    [1.0, 1.0, 5.0]
    """
    decay, mean, weight, out = 1 - 1 / span, 0.0, 0.0, []
    for value in values:
        mean, weight = decay * mean + value, decay * weight + 1
        out.append(mean / weight)
    return np.array(out)


def _lines(axes: Axes, history: Rows, theme: Theme, name: str, factor: float) -> list[Series]:
    """Draw the splits of one metric with a legend, and return them."""
    drawn = []
    for split, label, color in (
        ("train", "training", theme.train),
        ("val", "validation", theme.val),
        ("test", "test", theme.ink),
    ):
        steps, values = series(history, split, name)
        values = factor * values
        drawn.append((steps, values))
        if not steps.size:
            continue
        if split == "test":
            axes.plot(steps[-1:], values[-1:], "D", color=color, markersize=6, label=label,
                      clip_on=False, zorder=5)  # fmt: skip
        elif steps.size > 2 * FEW_POINTS and split == "train":
            axes.plot(steps, values, color=color, alpha=0.25, linewidth=1)
            axes.plot(
                steps, smooth(values, len(values) // 25), color=color, linewidth=2, label=label
            )
        else:
            axes.plot(steps, values, color=color, linewidth=2, label=label, **_marks(steps))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9, labelcolor=theme.ink, loc="best")
    return drawn


def _marks(steps: np.ndarray) -> dict[str, Any]:
    return {"marker": "o", "markersize": 4} if len(steps) <= FEW_POINTS else {}


def _x_axis(axes: Axes, theme: Theme, last: int, steps_per_epoch: int) -> None:
    """Let all panels end at the last step; count in epochs where their length is known."""
    unit, high = steps_per_epoch or 1, 1.02 * max(last, 1)
    ticks = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(0, high / unit)
    inside = [tick for tick in ticks if 0 <= tick * unit <= high]
    axes.set_xticks([tick * unit for tick in inside], [f"{tick:,.6g}" for tick in inside])
    axes.set_xlim(0, high)
    axes.set_xlabel("epoch" if steps_per_epoch else "step", color=theme.muted, fontsize=9)
