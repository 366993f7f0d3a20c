"""How each primitive of JAX spreads what its operands see of the network's input."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from jaxcnn.models.inspect.field import Extent
from jaxcnn.models.inspect.spread import Atom, Axis, Spread, joined, size
from jaxcnn.models.inspect.value import Value
from jaxcnn.typing import Shape

Params = dict[str, Any]


def spread_of(name: str, params: Params, operands: Sequence[Value], shape: Shape) -> Spread | None:
    """Return what an equation's result of this shape sees; None if it is not made of the input."""
    if all(value.spread is None for value in operands):
        return None
    rule = RULES.get(name, elementwise if name in ELEMENTWISE else somewhere)
    return rule(params, operands, shape)


def elementwise(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Join operands of the result's shape; what is not elementwise after all is unknown."""
    spreads = [v.spread for v in operands if v.spread is not None]
    if all(len(s.axes) in (0, len(shape)) for s in spreads):
        spread = joined(spreads)
        if tuple(map(size, spread.axes)) == shape:
            return spread
    return joined([spread.unknown(shape) for spread in spreads])


def plain(shape: Shape) -> list[Axis]:
    """Return axes that run along no spatial axis of the input."""
    return [(Atom(n),) for n in shape]


def first(operands: Sequence[Value]) -> Spread:
    """Return the spread of the first operand that has one."""
    return next(value.spread for value in operands if value.spread is not None)


def convolution(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Slide a filter over the spatial axes, and sum the channels."""
    image, kernel = operands[:2]
    spread = image.spread
    if spread is None:  # a filter computed from the input
        return first(operands).unknown(shape)
    numbers = params["dimension_numbers"]
    spread = spread.seen_whole([numbers.lhs_spec[1]])
    axes = plain(shape)
    for i, (source, target) in enumerate(
        zip(numbers.lhs_spec[2:], numbers.out_spec[2:], strict=True)
    ):
        window = kernel.shape[numbers.rhs_spec[2 + i]]
        steps = (params["lhs_dilation"][i], params["window_strides"][i])
        place = (params["padding"][i], params["rhs_dilation"][i])
        spread = slide(spread, source, shape[target], window, steps, *place)
        axes[target] = spread.axes[source]
    axes[numbers.out_spec[0]] = spread.axes[numbers.lhs_spec[0]]
    result = spread._replace(axes=tuple(axes))
    if kernel.spread is None:
        return result
    return result.joined(kernel.spread.unknown(shape))


def slide(
    spread: Spread,
    axis: int,
    length: int,
    window: int,
    steps: tuple[int, int],
    padding: tuple[int, int],
    dilation: int,
) -> Spread:
    """Slide a window along one axis; `steps` are between the inputs and between the windows."""
    field = spread.along(axis)
    if field is None:
        return spread.seen_whole([axis] if window > 1 else []).set_axis(axis, length)
    spaced = field.spaced(steps[0]) if steps[0] > 1 else field
    return spread.set_axis(axis, length, spaced.slide(window, steps[1], padding[0], dilation))


def pooling(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Slide a window over every axis."""
    spread = first(operands)
    ones = (1,) * len(shape)
    rows = zip(
        shape,
        params["window_dimensions"],
        zip(params.get("base_dilation", ones), params["window_strides"], strict=True),
        params["padding"],
        params.get("window_dilation", ones),
        strict=True,
    )
    for axis, row in enumerate(rows):
        if row[1:3] != (1, (1, 1)):
            spread = slide(spread, axis, *row)
    return spread


def reduction(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Bring all positions of some axes together."""
    axes = [axis for axis in params["axes"] if operands[0].shape[axis] > 1]
    return first(operands).seen_whole(axes).without(params["axes"])


def product(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Contract axes; a fixed matrix may pool or resize, by a kernel that is not known."""
    contracted, batched = params["dimension_numbers"]
    results = []
    for side, (value, contract, batch) in enumerate(zip(operands, contracted, batched)):  # noqa: B905
        if value.spread is None:
            continue
        free = [i for i in range(len(value.shape)) if i not in (*contract, *batch)]
        start = len(batch) if side == 0 else len(shape) - len(free)
        spread, axes = value.spread, plain(shape)
        for target, source in [*enumerate(batch), *enumerate(free, start)]:
            axes[target] = spread.axes[source]
        own = range(start, start + len(free))
        new = [i for i in range(len(batch), len(shape)) if i not in own and shape[i] > 1]
        along = spread.source(contract[0]) if len(contract) == 1 else None
        if operands[1 - side].fixed and along is not None and len(new) == 1:
            axes[new[0]] = (Atom(shape[new[0]], along),)
            field = spread.along(contract[0]) or spread.fields[along]
            ratio = Fraction(value.shape[contract[0]], shape[new[0]])
            rows = nonzero(operands[1 - side].array, contracted[1 - side][0])
            known = evenly(rows)
            field = field.slide(*known) if known else field.rescaled(ratio)
            spread = spread.set_field(along, field)
        else:
            spread = spread.seen_whole(contract)
        results.append(spread._replace(axes=tuple(axes)))
    return joined(results)


def nonzero(matrix: np.ndarray | None, axis: int) -> list[tuple[int, int]] | None:
    """Return where along `axis` each row (or column) of a constant matrix is not zero."""
    if matrix is None or matrix.ndim != 2:
        return None
    found = [np.flatnonzero(row) for row in (matrix if axis == 1 else matrix.T)]
    return [(int(i[0]), int(i[-1]) + 1) for i in found] if all(map(len, found)) else None


def evenly(rows: list[tuple[int, int]] | None) -> tuple[int, int, int] | None:
    """Return window, stride and padding of rows that are one window, moved on evenly.

    >>> evenly([(0, 2), (2, 4)]), evenly([(0, 3), (2, 5)]), evenly([(0, 2), (1, 4)])
    ((2, 2, 0), (3, 2, 0), None)
    """
    if not rows:
        return None
    (start, stop), stride = rows[0], rows[1][0] - rows[0][0] if len(rows) > 1 else 1
    same = all(row == (start + i * stride, stop + i * stride) for i, row in enumerate(rows))
    return (stop - start, stride, -start) if same and stride > 0 else None


def broadcast(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Put axes where they belong; an axis that is repeated no longer tells positions apart."""
    spread = first(operands)
    axes = plain(shape)
    for axis, target in enumerate(params["broadcast_dimensions"]):
        if size(spread.axes[axis]) == shape[target]:
            axes[target] = spread.axes[axis]
    return spread._replace(axes=tuple(axes))


def reshape(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Merge and part axes."""
    return operands[0].spread.reshaped(shape) if operands[0].spread else first(operands)


def squeeze(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Drop axes of one position."""
    return first(operands).without(params["dimensions"])


def transpose(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Put axes into another order."""
    spread = first(operands)
    return spread._replace(axes=tuple(spread.axes[i] for i in params["permutation"]))


def reverse(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Count positions from the other end."""
    spread = first(operands)
    for axis in params["dimensions"]:
        field = spread.along(axis)
        if field is not None:
            spread = spread.set_axis(axis, shape[axis], field.reversed(shape[axis]))
    return spread


def pad(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Continue axes beyond their ends, cut them (negative padding), or space their positions."""
    spread = first(operands)
    for axis, (low, high, interior) in enumerate(params["padding_config"]):
        if low or high or interior:
            spread = slide(spread, axis, shape[axis], 1, (interior + 1, 1), (low, high), 1)
    return spread


def cut(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Take every n-th position from a first one on."""
    spread, starts = first(operands), params["start_indices"]
    strides = params["strides"] or (1,) * len(starts)
    for axis, (start, step) in enumerate(zip(starts, strides, strict=True)):
        if size(spread.axes[axis]) != shape[axis]:
            spread = slide(spread, axis, shape[axis], 1, (1, step), (-start, 0), 1)
    return spread


def concatenation(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Join channels; along space the longest part decides, if the others can be its padding."""
    axis = params["dimension"]
    parts = [v for v in operands if v.spread is not None]
    if all(v.spread is not None and v.spread.source(axis) is None for v in parts):
        return joined([v.spread.set_axis(axis, shape[axis]) for v in parts if v.spread])
    starts = [sum(v.shape[axis] for v in operands[:i]) for i in range(len(operands))]
    longest, start = max(zip(operands, starts, strict=True), key=lambda row: row[0].shape[axis])
    if longest.spread is None or 2 * longest.shape[axis] <= shape[axis]:
        return joined([v.spread.unknown(shape) for v in parts if v.spread])
    return slide(longest.spread, axis, shape[axis], 1, (1, 1), (start, 0), 1)


def whole(key: str) -> Callable[[Params, Sequence[Value], Shape], Spread]:
    """Return the rule of a primitive that brings together all positions of one axis."""

    def rule(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
        axis = params.get(key, len(shape) - 1)
        spread = joined([v.spread for v in operands if v.spread is not None])
        spread = spread.seen_whole([axis % len(operands[0].shape)])
        return spread if tuple(map(size, spread.axes)) == shape else spread.unknown(shape)

    return rule


def somewhere(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Take positions that are not known before the network runs."""
    return joined([v.spread.unknown(shape) for v in operands if v.spread is not None])


def part(params: Params, operands: Sequence[Value], shape: Shape) -> Spread:
    """Take a part of an axis at an unknown place, or all of it."""
    spread = first(operands)
    if math.prod(shape) == math.prod(operands[0].shape):
        return spread
    cut_axes = [i for i, n in enumerate(shape) if size(spread.axes[i]) != n]
    spread = spread.seen_whole(cut_axes, Extent.UNKNOWN)
    for axis in cut_axes:
        spread = spread.set_axis(axis, shape[axis])
    return spread


# Of any other primitive nothing is assumed.
ELEMENTWISE = frozenset("""
    abs acos acosh add add_any and asin asinh atan atan2 atanh cbrt ceil clamp clz conj
    convert_element_type copy copy_p copysign cos cosh digamma div eq erf erf_inv erfc exp exp2
    expm1 floor ge gt imag integer_pow is_finite le lgamma log log1p logistic lt max min mul name
    ne neg nextafter not optimization_barrier or pow real reduce_precision rem round rsqrt
    select_n shift_left shift_right_arithmetic shift_right_logical sign sin sinh sqrt square
    stop_gradient sub tan tanh xor
""".split())  # noqa: SIM905  # fmt: skip

REDUCTIONS = ("sum", "max", "min", "prod", "and", "or", "xor")

RULES: dict[str, Callable[[Params, Sequence[Value], Shape], Spread]] = {
    "conv_general_dilated": convolution,
    "dot_general": product,
    "broadcast_in_dim": broadcast,
    "reshape": reshape,
    "squeeze": squeeze,
    "transpose": transpose,
    "rev": reverse,
    "pad": pad,
    "slice": cut,
    "concatenate": concatenation,
    "dynamic_slice": part,
    "split": part,
    "sort": whole("dimension"),
    "top_k": whole("axis"),
    "argsort": whole("dimension"),
    **dict.fromkeys(("argmax", "argmin"), reduction),
    **{f"reduce_{name}": reduction for name in REDUCTIONS},
    **{f"reduce_window{end}": pooling for end in ("", "_max", "_min", "_sum")},
    **{f"cum{name}": whole("axis") for name in ("sum", "prod", "max", "min", "logsumexp")},
}
