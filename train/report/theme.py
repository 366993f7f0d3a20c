"""The look of every figure: colours that do not need colour vision, quiet axes."""

import io
import warnings
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 160


@dataclass(frozen=True)
class Theme:
    """Colours of paper, ink and data; the data's are of Okabe and Ito's palette (2008)."""

    paper: str
    ink: str
    muted: str
    rule: str
    train: str
    val: str
    right: str
    wrong: str


LIGHT = Theme(
    "#ffffff", "#1f2328", "#5b6470", "#e3e6ea", "#0072b2", "#d55e00", "#0072b2", "#d55e00"
)
DARK = Theme("#1a1d21", "#e8eaed", "#9aa3ad", "#32373d", "#56b4e9", "#e69f00", "#3f9bd8", "#e69f00")


def figure(width: float, height: float, theme: Theme) -> Figure:
    """Return an empty figure of a size in inches, free of pyplot's global state."""
    made = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor=theme.paper)
    FigureCanvasAgg(made)
    return made


def dress(axes: Axes, theme: Theme, title: str) -> None:
    """Give axes their title on the left, faint rules and no box."""
    axes.set_facecolor(theme.paper)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=theme.ink, pad=10)
    axes.grid(axis="y", color=theme.rule, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.muted)
    axes.tick_params(axis="both", which="both", colors=theme.muted, labelsize=9, length=0, pad=5)
    axes.tick_params(axis="x", which="major", length=3)


def png(made: Figure) -> bytes:
    """Return the figure as a PNG file without date or program in it: equal runs, equal bytes."""
    target = io.BytesIO()
    with warnings.catch_warnings():
        # A class name may hold letters that the font lacks; boxes are drawn in their place.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        made.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()
