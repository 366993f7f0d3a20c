"""One metric of several runs in one picture."""

from collections.abc import Sequence

from train.report.curves import Rows, series
from train.report.theme import Theme, dress, figure, png

TITLES = {
    "loss": ("Loss (nats)", 1.0),
    "top1": ("Top-1 accuracy (%)", 100.0),
    "miou": ("mIoU (%)", 100.0),
}
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")
"""Okabe and Ito's palette (2008)."""


def draw_runs(name: str, runs: Sequence[tuple[str, Rows]], theme: Theme) -> bytes:
    """Return a PNG of a metric over the steps: validation bold, training thin."""
    made = figure(6.4, 4.0, theme)
    axes = made.subplots()
    title, factor = TITLES[name]
    dress(axes, theme, title)
    for i, (label, history) in enumerate(runs):
        color = COLORS[i % len(COLORS)]
        for split, width in (("train", 0.6), ("val", 2.0)):
            steps, values = series(history, split, name)
            own = label if split == "val" or not series(history, "val", name)[0].size else None
            axes.plot(steps, factor * values, color=color, label=own, linewidth=width)
    axes.set_xlabel("step", color=theme.muted, fontsize=9)
    axes.legend(frameon=False, fontsize=8, labelcolor=theme.ink)
    return png(made)
