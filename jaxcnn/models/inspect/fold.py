"""Equal blocks in a row are drawn once."""

from dataclasses import replace

from jaxcnn.models.inspect.graph import Graph
from jaxcnn.models.inspect.walk import Path


def folded(graph: Graph) -> Graph:
    """Draw modules that repeat the one before them once, and frame those of several nodes."""
    deepest = max((len(node.path) for node in graph.nodes.values()), default=0)
    for level in range(deepest, 0, -1):
        groups = by_module(graph, level)
        kept: Path | None = None
        for path, members in groups.items():
            if kept is not None and repeats(graph, by_module(graph, level)[kept], members, path):
                fold(graph, by_module(graph, level)[kept], members, kept)
            else:
                kept = path
    framed: list[list[int]] = []
    for level in range(deepest, 0, -1):
        for path, members in by_module(graph, level).items():
            if len(members) > 1 and (members not in framed or path in graph.frames):
                graph.frames.setdefault(path, 1)
                framed.append(members)
    return graph


def by_module(graph: Graph, level: int) -> dict[Path, list[int]]:
    """Return the nodes of each module at a level, in order."""
    groups: dict[Path, list[int]] = {}
    for number, node in graph.nodes.items():
        if len(node.path) >= level and node.kind != "end":
            groups.setdefault(node.path[:level], []).append(number)
    return groups


def repeats(graph: Graph, first: list[int], second: list[int], path: Path) -> bool:
    """Whether a module does what the one before it does, on nothing but its result."""
    if len(first) == 1 and graph.nodes[first[0]].kind != "block":
        return False  # layers are drawn one by one
    entered = {a for a, b in graph.edges if b in second and a not in second}
    left = {a for a, b in graph.edges if a in first and b not in first}
    same_parent = graph.nodes[first[0]].path[: len(path) - 1] == path[:-1]
    return same_parent and entered == left and len(left) == 1 and looks(graph, first) == looks(
        graph, second
    )  # fmt: skip


def looks(graph: Graph, members: list[int]) -> list[object]:
    """Return what a module looks like, but for its name and where it is."""
    seen: list[object] = []
    for number in members:
        node = graph.nodes[number]
        before = [
            (members.index(a), ()) if a in members else (-1, graph.nodes[a].shape)
            for a in graph.before(number)
        ]
        seen.append((node.text, node.kind, node.shape, sorted(before)))
    return seen


def fold(graph: Graph, first: list[int], second: list[int], kept: Path) -> None:
    """Remove a repetition; what came out of it comes out of the first."""
    (leave,) = {a for a, b in graph.edges if a in first and b not in first}
    ends = {b for a, b in graph.edges if a in second and b not in second}
    for number in second:
        del graph.nodes[number]
    graph.edges = {(a, b) for a, b in graph.edges if a not in second and b not in second}
    graph.edges |= {(leave, end) for end in ends}
    if len(first) == 1:
        node = graph.nodes[first[0]]
        graph.nodes[first[0]] = replace(node, repeats=node.repeats + 1)
    else:
        graph.frames[kept] = graph.frames.get(kept, 1) + 1
