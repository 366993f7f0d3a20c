"""Where nodes go: layers from top to bottom, few crossings, a straight main line.

The layered method of Sugiyama, Tagawa and Toda (1981): an edge over several layers gets a point
in each, points of a layer are ordered by the mean of their neighbours, and then moved as near to
it as the widths allow (a least-squares problem that pooling neighbours solves exactly).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from jaxcnn.models.inspect.graph import Graph

GAP = 26.0  # between neighbours in a layer
PASSES = 13  # odd: the last goes down, so that joins come under the middle of their branches
FIRM = 1000.0  # how much more a node keeps its place than a bend


@dataclass
class Layout:
    """Points are nodes and, for edges over several layers, bends (numbered from -1 down)."""

    layers: list[list[int]] = field(default_factory=list)
    x: dict[int, float] = field(default_factory=dict)
    lines: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    """The points that each edge goes through."""


def laid_out(graph: Graph, width: Callable[[int], float]) -> Layout:
    """Return the layer and the centre of every node, and the way of every edge."""
    layout = Layout()
    level: dict[int, int] = {}
    for number in graph.nodes:  # in the program's order, so that all before it are placed
        level[number] = 1 + max((level[a] for a in graph.before(number)), default=-1)
    layout.layers = [[] for _ in range(max(level.values()) + 1)]
    for number, layer in level.items():
        layout.layers[layer].append(number)
    near: dict[int, list[int]] = {number: [] for number in graph.nodes}
    bend = 0
    for a, b in sorted(graph.edges, key=lambda edge: (level[edge[0]], level[edge[1]], edge)):
        line = [a]
        for layer in range(level[a] + 1, level[b]):
            bend -= 1
            layout.layers[layer].append(bend)
            level[bend], near[bend] = layer, []
            line.append(bend)
        line.append(b)
        layout.lines[a, b] = line
        for one, other in zip(line, line[1:], strict=False):
            near[one].append(other)
            near[other].append(one)
    place(layout, near, level, lambda point: 10.0 if point < 0 else width(point))
    return layout


def place(
    layout: Layout, near: dict[int, list[int]], level: dict[int, int],
    width: Callable[[int], float],
) -> None:  # fmt: skip
    """Order the points of every layer, and find their centres."""
    x = layout.x
    for layer in layout.layers:
        x.update({point: float(i) * 100 for i, point in enumerate(layer)})
    for turn in range(PASSES):
        downwards = turn % 2 == 0
        step = -1 if downwards else 1
        for layer in layout.layers if downwards else reversed(layout.layers):
            beside = {p: [q for q in near[p] if level[q] == level[p] + step] for p in layer}
            wanted = {p: mean([x[q] for q in steady(p, beside[p])], x[p]) for p in layer}
            if turn < PASSES // 2:
                layer.sort(key=wanted.__getitem__)
            spread_out(layer, wanted, width, x)


def steady(point: int, neighbours: list[int]) -> list[int]:
    """Return the neighbours that a point follows: a node the one node there, past any bends."""
    nodes = [q for q in neighbours if q >= 0]
    return nodes if point >= 0 and len(nodes) == 1 else neighbours


def mean(values: list[float], default: float) -> float:
    """Return the mean, or something else of nothing."""
    return sum(values) / len(values) if values else default


def spread_out(
    layer: list[int], wanted: dict[int, float], width: Callable[[int], float], x: dict[int, float]
) -> None:
    """Bring points as near to where they belong as their order and widths allow."""
    offsets, edge = [], 0.0
    for i, point in enumerate(layer):
        edge += 0 if i == 0 else (width(layer[i - 1]) + width(point)) / 2 + GAP
        offsets.append(edge)
    blocks: list[tuple[float, float, int]] = []  # points that touch: sum of wishes, weight, count
    for point, offset in zip(layer, offsets, strict=True):
        weight = FIRM if point >= 0 else 1.0
        block = (weight * (wanted[point] - offset), weight, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] > block[0] / block[1]:
            total, heavy, count = blocks.pop()
            block = (total + block[0], heavy + block[1], count + block[2])
        blocks.append(block)
    starts = [total / weight for total, weight, count in blocks for _ in range(count)]
    for point, offset, start in zip(layer, offsets, starts, strict=True):
        x[point] = start + offset
