"""Where windows lie: padding, output sizes and the counts of real elements, on plain ints.

Convolution, pooling, patches and `jaxcnn.ops.geometry` all resolve their arguments here, so
that they agree about padding and about windows that hang over the border.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxcnn.checks import Report, is_int
from jaxcnn.typing import Padding, Shape

Pairs = tuple[tuple[int, int], ...]
NAMED_PADDING = ("SAME", "VALID", "SAME_LOWER")


class Window(NamedTuple):
    """A window that slides over spatial axes; every field has one entry per axis.

    `padding` is what was asked for; `overhang` is what `ceil_mode` adds at the high end, which
    never counts as padding when averages are taken.
    """

    sizes: Shape
    window: Shape
    stride: Shape
    padding: Pairs
    dilation: Shape
    output: Shape
    overhang: Shape

    @property
    def total_padding(self) -> Pairs:
        """The padding with the overhang of `ceil_mode` on top."""
        return tuple((lo, hi + o) for (lo, hi), o in zip(self.padding, self.overhang, strict=True))

    def counts(self, *, include_padding: bool) -> list[np.ndarray]:
        """Return per axis how many taps of each window lie on elements that count."""
        counts = []
        for n, k, s, (lo, hi), d, out in zip(*self[:6], strict=True):
            taps = np.arange(out)[:, None] * s - lo + np.arange(k) * d
            first, last = (-lo, n + hi) if include_padding else (0, n)
            counts.append(((taps >= first) & (taps < last)).sum(1))
        return counts


def extent(window: int, dilation: int) -> int:
    """Return how many elements a dilated window spans.

    >>> extent(3, 2)
    5
    """
    return (window - 1) * dilation + 1


def unit_steps(sizes: Shape, window: Shape, padding: Pairs, dilation: Shape) -> Window:
    """Say how a window lies that moves by one element.

    >>> unit_steps((5,), (3,), ((1, 0),), (1,)).output
    (4,)
    """
    ones, nothing = (1,) * len(sizes), (0,) * len(sizes)
    axes = zip(sizes, window, padding, dilation, strict=True)
    output = tuple(n + lo + hi - extent(k, d) + 1 for n, k, (lo, hi), d in axes)
    return Window(sizes, window, ones, padding, dilation, output, nothing)


def resolve(
    report: Report,
    sizes: Shape,
    window: Any,
    stride: Any,
    padding: Padding,
    dilation: Any,
    *,
    ceil_mode: bool = False,
    pooling: bool = False,
    window_name: str = "window",
) -> Window:
    """Check the arguments of a sliding window over axes of these sizes and resolve them.

    In pooling a stride of None means the window. Problems are noted in `report`; the result is
    meaningful only when there were none.
    """
    rank, before = len(sizes), len(report.problems)
    window = report.ints(window_name, window, rank)
    stride = window if pooling and stride is None else report.ints("stride", stride, rank)
    dilation = report.ints("dilation", dilation, rank)
    spans = tuple(extent(k, d) for k, d in zip(window, dilation, strict=True))
    pads = resolve_padding(report, padding, sizes, spans, stride)
    report.expect(
        isinstance(ceil_mode, (bool, np.bool_)),
        *("ceil_mode", ceil_mode, "must be a bool", "pass True or False"),
        kind=True,
    )
    if len(report.problems) > before:
        ones = (1,) * rank
        return Window(sizes, window, stride, ((0, 0),) * rank, dilation, ones, (0,) * rank)
    expect_fit(report, sizes, window, spans, pads, window_name)
    ends = [
        _output(n, span, s, lo, hi, ceil_mode)
        for n, span, s, (lo, hi) in zip(sizes, spans, stride, pads, strict=True)
    ]
    output, overhang = (tuple(column) for column in zip(*ends, strict=True))
    return Window(sizes, window, stride, pads, dilation, output, overhang)


def resolve_padding(
    report: Report, padding: Padding, sizes: Shape, spans: Shape, stride: Shape
) -> Pairs:
    """Return padding as one `(low, high)` pair per axis."""
    rank = len(sizes)
    nothing = ((0, 0),) * rank
    if isinstance(padding, str):
        named = padding.upper()
        if not report.expect(
            named in NAMED_PADDING,
            *("padding", padding, f"must be one of {', '.join(map(repr, NAMED_PADDING))}"),
            "use a named padding, an int, or (low, high) pairs",
        ):
            return nothing
        if named == "VALID":
            return nothing
        return tuple(
            same_padding(n, span, s, lower=named == "SAME_LOWER")
            for n, span, s in zip(sizes, spans, stride, strict=True)
        )
    entries = (padding,) * rank if is_int(padding) else padding
    pairs = _pairs(entries, rank)
    ok = report.expect(
        pairs is not None,
        *("padding", padding, f"must be a name, an int, or {rank} ints or (low, high) pairs"),
        "pass one int for all axes, or one int or (low, high) pair per spatial axis",
        kind=not isinstance(padding, Sequence),
    ) and report.expect(
        min(min(pair) for pair in pairs or nothing) >= 0,
        *("padding", padding, "must be >= 0", "slice the input to crop it"),
    )
    return pairs if ok and pairs is not None else nothing


def same_padding(size: int, span: int, stride: int, *, lower: bool = False) -> tuple[int, int]:
    """Return the padding with which `ceil(size / stride)` windows fit.

    The odd element goes to the high end, or to the low end with `lower`.

    >>> same_padding(224, 7, 2), same_padding(224, 7, 2, lower=True)
    ((2, 3), (3, 2))
    """
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    small = total // 2
    return (total - small, small) if lower else (small, total - small)


def expect_fit(
    report: Report, sizes: Shape, window: Shape, spans: Shape, pads: Pairs, name: str
) -> None:
    """Expect every window to fit into the padded input."""
    padded = tuple(n + lo + hi for n, (lo, hi) in zip(sizes, pads, strict=True))
    rule = f"must fit into the padded input {padded}"
    if spans != window:
        rule = f"spans {spans} after dilation and {rule}"
    fits = all(span <= n for span, n in zip(spans, padded, strict=True))
    report.expect(fits, name, window, rule, f"use a smaller {name}, or more padding")


def _pairs(entries: Any, rank: int) -> Pairs | None:
    """Return one pair of ints per axis, or None where that cannot be read off."""
    if not isinstance(entries, (Sequence, np.ndarray)) or len(entries) != rank:
        return None
    pairs = []
    for entry in entries:
        pair = (entry, entry) if is_int(entry) else entry
        if isinstance(pair, str) or not isinstance(pair, (Sequence, np.ndarray)):
            return None
        if len(pair) != 2 or not all(is_int(p) for p in pair):
            return None
        pairs.append((int(pair[0]), int(pair[1])))
    return tuple(pairs)


def _output(
    size: int, span: int, stride: int, low: int, high: int, ceil_mode: bool
) -> tuple[int, int]:
    """Return the output size along one axis, and by how much its last window hangs over."""
    room = size + low + high - span
    if not ceil_mode:
        return room // stride + 1, 0
    out = -(-room // stride) + 1
    # PyTorch's rule: a window must start inside the input or its low padding.
    if (out - 1) * stride >= size + low:
        out -= 1
    return out, max((out - 1) * stride - room, 0)
