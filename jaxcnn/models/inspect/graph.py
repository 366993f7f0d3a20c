"""A network as a graph: modules down to a depth, and what stands between them."""

from collections import Counter
from dataclasses import dataclass, field, replace

from jaxcnn.models.inspect.kinds import class_of, groups_of, kind_of, window_of
from jaxcnn.models.inspect.table import times
from jaxcnn.models.inspect.trace import Trace
from jaxcnn.models.inspect.value import Value
from jaxcnn.models.inspect.walk import Path, Step
from jaxcnn.typing import Shape

JOINS = {"add": "add", "add_any": "add", "mul": "multiply", "concatenate": "concat"}
OWN_KINDS = {"Norm": "norm", "Drop": "drop"}
"""The kind of a module without layers, by a part of its class's name."""

ACTS = {"tanh": "tanh", "logistic": "sigmoid", "max": "relu"}


@dataclass(frozen=True)
class Node:
    """A box: `title` is its name, `text` what it is, `shape` what it gives out."""

    path: Path
    title: str
    text: str
    kind: str
    shape: Shape = ()
    repeats: int = 1


@dataclass
class Graph:
    """Nodes by number, in the order of the program, and the edges between them."""

    nodes: dict[int, Node] = field(default_factory=dict)
    edges: set[tuple[int, int]] = field(default_factory=set)
    frames: dict[Path, int] = field(default_factory=dict)
    """Modules around several nodes, and how often each is repeated in a row."""

    def before(self, node: int) -> list[int]:
        """Return the nodes with an edge to this one."""
        return sorted(a for a, b in self.edges if b == node)

    def after(self, node: int) -> list[int]:
        """Return the nodes with an edge from this one."""
        return sorted(b for a, b in self.edges if a == node)


def graph_of(trace: Trace, depth: int) -> Graph:
    """Return the graph of modules at this depth, from the values that flow between them."""
    drawing = Drawing(trace, depth)
    for step in trace.steps:
        drawing.add(step)
    drawing.end()
    return merged(drawing.graph)


class Drawing:
    """Finds, step by step, which node makes each value."""

    def __init__(self, trace: Trace, depth: int):
        self.trace, self.depth = trace, depth
        layers = Counter(
            step.path[:i]
            for step in trace.steps
            if step.path and kind_of(step) is not None
            for i in range(1, len(step.path) + 1)
        )
        self.single = {path for path in trace.calls if path and layers[path] <= 1}
        self.graph = Graph()
        self.modules: dict[Path, int] = {}
        self.makers: dict[int, frozenset[int]] = {}
        self.makers[id(trace.x)] = self.node((), "input", "", "end", trace.x.shape)

    def node(self, path: Path, title: str, text: str, kind: str, shape: Shape) -> frozenset[int]:
        """Add a node and return it as the maker of values."""
        number = len(self.graph.nodes)
        self.graph.nodes[number] = Node(path, title, text, kind, shape)
        return frozenset([number])

    def add(self, step: Step) -> None:
        """Put a step into the module that it belongs to, or draw it by itself, or pass it by."""
        inputs = [value for value in step.operands if value.spread is not None]
        if not inputs:
            return
        module = self.module_of(step.path)
        makers = frozenset[int]().union(*(self.makers[id(value)] for value in inputs))
        if module is not None:
            makers = self.into_module(module, step, makers)
        elif (kind := self.kind(step, inputs)) is not None:
            result = step.results[0]
            (number,) = node = self.node(step.path, *described(kind, step), result.shape)
            self.graph.edges |= {(maker, number) for maker in makers}
            makers = node
        else:
            self.note_act(step, makers)
        self.makers.update({id(value): makers for value in step.results})

    def module_of(self, path: Path) -> Path | None:
        """Return the module that is drawn for what happens here, if one is."""
        for length in range(1, min(len(path), self.depth) + 1):
            if length == self.depth or path[:length] in self.single:
                return path[:length]
        return None

    def into_module(self, path: Path, step: Step, makers: frozenset[int]) -> frozenset[int]:
        """Count a step to a module's node, with what flows into it."""
        name = class_of(self.trace.calls[path])
        if path not in self.modules:
            own = next((kind for key, kind in OWN_KINDS.items() if key in name), "block")
            own = own if path in self.single else "block"
            (self.modules[path],) = self.node(path, path[-1], name, own, ())
        number = self.modules[path]
        node, result = self.graph.nodes[number], step.results[0]
        if path in self.single and (kind := kind_of(step)) is not None:
            _, text, kind = described(kind, step)
            transposed = "transposed " if "Transpose" in name else ""
            node = replace(node, text=transposed + text, kind=kind)
        norm = type(self.trace.calls[step.path]).__name__
        if path in self.single and "Norm" in norm and step.path != path:
            node = with_text(node, short_norm(norm))
        if result.spread is not None:
            node = replace(node, shape=result.shape)
        self.graph.nodes[number] = node
        self.graph.edges |= {(maker, number) for maker in makers if maker != number}
        if path in self.single and node.kind in ("conv", "dense"):
            self.note_act(step, frozenset([number]))
        return frozenset([number])

    def kind(self, step: Step, inputs: list[Value]) -> str | None:
        """Return what a step outside of all modules is drawn as."""
        apart = {self.makers[id(value)] for value in inputs}
        if step.name in JOINS:
            return JOINS[step.name] if len(apart) > 1 else None
        return kind_of(step)

    def note_act(self, step: Step, makers: frozenset[int]) -> None:
        """Tell a node's nonlinearity in its text."""
        act = ACTS.get(step.name)
        if act and len(makers) == 1:
            (number,) = makers
            if self.graph.nodes[number].kind != "end":
                self.graph.nodes[number] = with_text(self.graph.nodes[number], act)

    def end(self) -> None:
        """Draw the results."""
        for result in self.trace.results:
            if result.spread is not None:
                (number,) = self.node((), "output", "", "end", result.shape)
                self.graph.edges |= {(maker, number) for maker in self.makers[id(result)]}


def described(kind: str, step: Step) -> tuple[str, str, str]:
    """Return title, text and kind of the node of one operation."""
    window, stride = window_of(step)
    place = times(window).replace("x", "×") + (
        f" /{stride[0]}" if stride and max(stride) > 1 else ""
    )
    if kind == "conv":
        groups = f", {groups_of(step)} groups" if groups_of(step) > 1 else ""
        return "conv", f"conv {place}{groups}", "conv"
    if kind == "dot":
        return "dot", "dense", "dense"
    if kind in ("add", "multiply", "concat"):
        return {"add": "+", "multiply": "×"}.get(kind, kind), "", "join"
    return "pool", f"{kind.replace('_', ' ')} {place}".strip(), "pool"


def with_text(node: Node, more: str) -> Node:
    """Return a node that also tells this."""
    told = node.text.split(", ") if node.text else []
    return node if more in told else replace(node, text=", ".join([*told, more]))


def short_norm(name: str) -> str:
    """Return how a norm is called in a box."""
    return name.replace("BatchNorm", "BN")


def merged(graph: Graph) -> Graph:
    """Write norms and dropout into the layer before them, and leave out what has no effect."""
    for number, node in list(graph.nodes.items()):
        before = graph.before(number)
        if node.kind not in ("norm", "drop") or len(before) != 1:
            continue
        (layer,) = before
        host = graph.nodes[layer]
        if host.kind not in ("conv", "dense") or len(graph.after(layer)) != 1:
            continue
        graph.nodes[layer] = replace(with_text(host, short_norm(node.text)), shape=node.shape)
        replace_node(graph, number, layer)
    return graph


def replace_node(graph: Graph, gone: int, by: int) -> None:
    """Remove a node; what came out of it comes out of another."""
    moved = {(by if a == gone else a, by if b == gone else b) for a, b in graph.edges}
    graph.edges = {(a, b) for a, b in moved if a != b}
    del graph.nodes[gone]
