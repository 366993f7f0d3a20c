"""The picture of a confusion matrix."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from train.report.theme import LIGHT, Theme, figure, png

NUMBERED = 24
"""Up to so many classes every count is written into its cell."""

NAMED = 60
"""Up to so many classes every class is named at its row and column."""


def draw_matrix(matrix: np.ndarray, names: Sequence[str], theme: Theme = LIGHT) -> bytes:
    """Return a PNG: blue where the class is right, orange where it is taken for another."""
    size = len(matrix)
    made = figure(side(size) + 1.4, side(size) + 1.6, theme)
    axes = made.subplots()
    shares, largest = row_shares(matrix)
    axes.imshow(colors(shares, largest, theme), interpolation="nearest")
    _name_classes(axes, names, theme)
    if size <= NUMBERED:
        _write_counts(axes, matrix, shares, largest, theme)
        _rule_cells(axes, size, theme)
    scale = f" · orange: share of the row, up to {largest:.1%}" if largest else ""
    axes.set_title(
        f"Rows: true class · columns: predicted{scale}",
        loc="left", fontsize=9, color=theme.muted, pad=10,
    )  # fmt: skip
    return png(made)


def side(size: int) -> float:
    """Return the side of a matrix in inches."""
    return float(np.clip(0.5 * size, 3.2, 9))


def row_shares(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the shares of each true class, and the largest one off the diagonal."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return shares, float((shares - np.diag(np.diag(shares))).max())


def colors(shares: np.ndarray, largest: float, theme: Theme) -> np.ndarray:
    """Mix paper with blue on the diagonal and with orange off it.

    One scale for both would leave mistakes of a per cent or two invisible, so the orange one ends
    at the largest mistake, and follows the root so that small ones show.
    """
    strength = np.sqrt(shares / largest) if largest else np.zeros_like(shares)
    np.fill_diagonal(strength, np.diag(shares))
    ink = np.empty((*shares.shape, 3))
    ink[:] = to_rgb(theme.wrong)
    ink[np.diag_indices(len(shares))] = to_rgb(theme.right)
    strength = strength[..., None]
    return (1 - strength) * np.array(to_rgb(theme.paper)) + strength * ink


def _name_classes(axes: Axes, names: Sequence[str], theme: Theme) -> None:
    every = 1 if len(names) <= NAMED else -(-len(names) // (NAMED // 2))
    places = range(0, len(names), every)
    # Where names are left out, numbers say how many.
    shown = [shorten(names[i] if every == 1 else f"{i} {names[i]}") for i in places]
    small = 9 if len(names) <= NUMBERED else 7
    room = 72 * side(len(names)) / len(shown)
    long = max(map(len, shown)) * 0.65 * small > room
    style = {"fontsize": small, "color": theme.ink, "parse_math": False}
    axes.set_yticks(list(places), shown, **style)
    axes.set_xticks(list(places), shown, **style, rotation=90 if long else 0)
    axes.tick_params(length=0 if every == 1 else 3, color=theme.muted)
    axes.set_facecolor(theme.paper)
    for spine in axes.spines.values():
        spine.set_color(theme.rule)


def _write_counts(
    axes: Axes, matrix: np.ndarray, shares: np.ndarray, largest: float, theme: Theme
) -> None:
    widest = len(f"{matrix.max():,}")
    font = min(11.0, 30 / max(widest, 3), 200 / len(matrix))
    light = colors(shares, largest, theme) @ np.array([0.299, 0.587, 0.114]) > 0.55
    for row, column in zip(*np.nonzero(matrix), strict=True):
        axes.text(
            column, row, f"{matrix[row, column]:,}", ha="center", va="center", fontsize=font,
            color="#1f2328" if light[row, column] else "#ffffff",
        )  # fmt: skip


def _rule_cells(axes: Axes, size: int, theme: Theme) -> None:
    edges = np.arange(size + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color=theme.rule, linewidth=0.6)
    axes.tick_params(which="minor", length=0)


def shorten(name: str, limit: int = 18) -> str:
    """Cut a class name to what fits beside an axis.

    >>> shorten("T-shirt/top"), shorten("great white shark, white shark")
    ('T-shirt/top', 'great white shark…')
    """
    return name if len(name) <= limit else name[: limit - 1].rstrip(", ") + "…"
