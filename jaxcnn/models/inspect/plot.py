"""`jaxcnn.plot`: a diagram of a network as SVG."""

from collections.abc import Sequence
from html import escape
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.models.inspect.fold import folded
from jaxcnn.models.inspect.graph import Graph, Node, graph_of
from jaxcnn.models.inspect.layout import laid_out
from jaxcnn.models.inspect.table import times
from jaxcnn.models.inspect.trace import Trace, trace

COLOURS = {  # fill and border, legible in print and for the colour-blind
    "conv": ("#dbe9f6", "#2b6cb0"),
    "dense": ("#e6defa", "#6b46c1"),
    "pool": ("#fde8cf", "#c05621"),
    "norm": ("#eef2f0", "#5f7a6a"),
    "drop": ("#f3f3f3", "#888888"),
    "block": ("#dff3e4", "#2f855a"),
    "join": ("#ffffff", "#333333"),
    "end": ("#f7f7f7", "#333333"),
}
MOST_NODES = 30  # drawn when no depth is given
LINE, MARGIN, BETWEEN = 15, 24, 34
STYLE = (
    "text{font-family:Helvetica,Arial,sans-serif;font-size:12px;fill:#1a202c;text-anchor:middle}"
    ".t{font-weight:bold}.s{fill:#4a5568;font-size:11px}.f{fill:#718096;text-anchor:start}"
    ".e{fill:none;stroke:#4a5568;stroke-width:1.4}"
)


def plot(
    model: nn.Module,
    input_shape: Sequence[int | None],
    *,
    depth: int | None = None,
    batched: bool | None = None,
    dtype: Any = jnp.float32,
    **arguments: Any,
) -> str:
    """Draw a network as it evaluates: its modules, pools, sums and concatenations, as SVG.

    The graph is that of the values in the traced program, so that every shortcut and branch is
    there. Norms and dropout are told in the box of their layer, and equal blocks in a row are
    drawn once, with how often they come.

    Args:
      model: A Linen module.
      input_shape: Shape of the input, as in `summary`.
      depth: How deep to go in the tree of modules, >= 1; None goes as deep as stays readable.
      batched: Whether `input_shape` has the batch axis; None decides by its length.
      dtype: Type of the input.
      **arguments: Further arguments of the network's call.

    Returns:
      The text of an SVG image.

    Raises:
      ValueError: If the depth is not positive, or the network cannot run on this shape.
      TypeError: If `model` is not a Linen module.

    Example:
      >>> image = plot(nn.Sequential([nn.Dense(3), nn.relu, nn.Dense(2)]), (1, 4))
      >>> image.startswith("<svg"), image.count("<rect"), "dense, relu" in image
      (True, 5, True)
    """
    report = Report("plot")
    if depth is not None:
        report.count("depth", depth)
    report.done()
    seen = trace("plot", model, input_shape, batched, dtype, arguments)
    return drawn(readable(seen) if depth is None else folded(graph_of(seen, depth)))


def readable(seen: Trace) -> Graph:
    """Return the deepest graph that is not too large."""
    deepest = max(map(len, seen.calls), default=1)
    best = folded(graph_of(seen, 1))
    for depth in range(2, deepest + 1):
        graph = folded(graph_of(seen, depth))
        if len(graph.nodes) > MOST_NODES:
            break
        best = graph
    return best


def drawn(graph: Graph) -> str:
    """Return the SVG of a graph."""
    boxes = {number: lines_of(node) for number, node in graph.nodes.items()}
    widths = {number: box_width(lines) for number, lines in boxes.items()}
    layout = laid_out(graph, widths.__getitem__)
    tops, y = [], float(MARGIN)
    for layer in layout.layers:
        tops.append(y)
        y += LINE * max(len(boxes[p]) for p in layer if p >= 0) + 12 + BETWEEN
    level = {p: i for i, layer in enumerate(layout.layers) for p in layer}
    heights = {number: LINE * len(lines) + 12.0 for number, lines in boxes.items()}
    left = min(layout.x[p] - widths.get(p, 10) / 2 for p in layout.x) - 2 * MARGIN
    shift = {p: x - left for p, x in layout.x.items()}
    right = max(shift[p] + widths.get(p, 10) / 2 for p in shift) + 2 * MARGIN
    right += 7 * max((len("/".join(path)) for path in graph.frames), default=0)  # their labels
    spots = {n: (shift[n], tops[level[n]], widths[n], heights[n]) for n in graph.nodes}
    parts = [frame(graph, path, spots) for path in sorted(graph.frames, key=len)]
    parts += [curve(line, shift, tops, level, heights) for line in layout.lines.values()]
    parts += [box(graph.nodes[n], boxes[n], *spots[n]) for n in graph.nodes]
    size = f'width="{right:.0f}" height="{y:.0f}" viewBox="0 0 {right:.0f} {y:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>'
    arrow = (
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#4a5568"/></marker></defs>'
    )
    ground = f'<rect width="{right:.0f}" height="{y:.0f}" fill="#ffffff"/>'
    return "\n".join([head + arrow, ground, *parts, "</svg>\n"])


def lines_of(node: Node) -> list[tuple[str, str]]:
    """Return the lines of a box, each with its style."""
    title = node.title + (f"  ×{node.repeats}" if node.repeats > 1 else "")
    lines = [(title, "t")]
    if node.text and node.text != node.title:
        lines.append((node.text, ""))
    if node.kind != "join" or node.title == "concat":
        lines.append((times(node.shape[1:]).replace("x", "×"), "s"))
    return lines


def box_width(lines: list[tuple[str, str]]) -> float:
    """Return a width that the text surely fits in."""
    return max(34.0, max(7.0 * len(text) for text, _ in lines) + 18)


def box(
    node: Node, lines: list[tuple[str, str]], x: float, y: float, width: float, height: float
) -> str:
    """Draw a node."""
    fill, border = COLOURS[node.kind]
    corner = height / 2 if node.kind in ("join", "end") else 5
    shape = (
        f'<rect x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{corner:.1f}" fill="{fill}" stroke="{border}"/>'
    )
    texts = [
        f'<text x="{x:.1f}" y="{y + 15 + LINE * i:.1f}" class="{style}">{escape(text)}</text>'
        for i, (text, style) in enumerate(lines)
    ]
    return shape + "".join(texts)


def curve(
    line: list[int], x: dict[int, float], tops: list[float], level: dict[int, int],
    heights: dict[int, float],
) -> str:  # fmt: skip
    """Draw an edge, which leaves a node below and enters the next from above."""
    first, last = line[0], line[-1]
    points = [(x[first], tops[level[first]] + heights[first])]
    for bend in line[1:-1]:
        points += [(x[bend], tops[level[bend]]), (x[bend], tops[level[bend] + 1] - BETWEEN)]
    points.append((x[last], tops[level[last]] - 1))
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        middle = (y0 + y1) / 2
        path += f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    return f'<path d="{path}" class="e" marker-end="url(#a)"/>'


def frame(graph: Graph, path: tuple[str, ...], spots: dict[int, tuple[float, ...]]) -> str:
    """Draw a border around a module's nodes, unless others are in between."""
    inside = {n for n, node in graph.nodes.items() if node.path[: len(path)] == path}
    if not inside:
        return ""
    pad = 14 - 3 * min(len(path), 3)
    x0 = min(spots[n][0] - spots[n][2] / 2 for n in inside) - pad
    x1 = max(spots[n][0] + spots[n][2] / 2 for n in inside) + pad
    y0 = min(spots[n][1] for n in inside) - pad - 3
    y1 = max(spots[n][1] + spots[n][3] for n in inside) + pad
    for n in graph.nodes.keys() - inside:
        x, y, width, height = spots[n]
        if x0 < x + width / 2 and x - width / 2 < x1 and y0 < y + height and y < y1:
            return ""
    count = graph.frames[path]
    label = "/".join(path) + (f"  ×{count}" if count > 1 else "")
    outer = any(other[: len(path)] == path != other for other in graph.frames)
    place = y1 - 4 if outer else y0 + 12  # so that labels of nested frames stay apart
    return (
        f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}" rx="8" '
        f'fill="#f8fafc" stroke="#a0aec0" stroke-dasharray="4 3"/>'
        f'<text x="{x1 + 5:.1f}" y="{place:.1f}" class="f">{escape(label)}</text>'
    )
