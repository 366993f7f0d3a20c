"""The arithmetic of convolution: sizes, numbers of parameters, receptive fields.

Everything is on plain ints, for one axis; apply it to each axis in turn.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jaxcnn.checks import Report, is_int
from jaxcnn.ops.window import extent, resolve
from jaxcnn.typing import Padding


class Sliding(NamedTuple):
    """One layer of a stack, along one axis: a convolution or a pooling.

    >>> Sliding(3, stride=2, padding=1)
    Sliding(window=3, stride=2, padding=1, dilation=1)
    """

    window: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


class ReceptiveField(NamedTuple):
    """What one output of a stack sees of the input, along one axis.

    `size` inputs, `stride` inputs further for the next output; the first output sees those from
    `start` (negative in the padding), centred at `offset`.

    >>> ReceptiveField(size=7, stride=1, start=-3, offset=0.0).size
    7
    """

    size: int
    stride: int
    start: int
    offset: float


def conv_output_size(
    size: int,
    window: int,
    *,
    stride: int = 1,
    padding: int | str | tuple[int, int] = 0,
    dilation: int = 1,
    exact: bool = False,
) -> int:
    """Return `(size + low + high - dilation * (window - 1) - 1) // stride + 1`.

    Args:
      size: of the input, >= 1.
      window: of the filter, >= 1.
      stride: >= 1.
      padding: an int for both ends, a `(low, high)` pair, `"SAME"` or `"VALID"`.
      dilation: >= 1.
      exact: whether to refuse a stride that leaves input elements over at the end.

    Returns:
      The size of the output.

    Raises:
      ValueError: if the filter does not fit, or with `exact` not a whole number of times.

    >>> conv_output_size(7, 3, stride=2), conv_output_size(32, 5, padding=2)
    (3, 32)
    """
    return _slide("conv_output_size", size, window, stride, padding, dilation, exact=exact)


def pool_output_size(
    size: int,
    window: int,
    *,
    stride: int | None = None,
    padding: int | str | tuple[int, int] = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
    exact: bool = False,
) -> int:
    """Return the size after pooling; `stride=None` means the window.

    Args:
      size: of the input, >= 1.
      window: of the pooling, >= 1.
      stride: >= 1, or None.
      padding: as in `conv_output_size`.
      dilation: >= 1.
      ceil_mode: whether a last window may hang over the border, by PyTorch's rule.
      exact: whether to refuse a stride that leaves input elements over at the end.

    Returns:
      The size of the output.

    Raises:
      ValueError: if the window does not fit, or with `exact` not a whole number of times.

    >>> pool_output_size(7, 2), pool_output_size(7, 2, ceil_mode=True)
    (3, 4)
    """
    stride = window if stride is None else stride
    return _slide(
        "pool_output_size", size, window, stride, padding, dilation, ceil_mode, exact=exact
    )


def conv_transpose_output_size(
    size: int,
    window: int,
    *,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """Return `(size - 1) * stride - 2 padding + dilation * (window - 1) + 1 + output_padding`.

    Args:
      size: of the input, >= 1.
      window: of the filter, >= 1.
      stride: >= 1.
      padding: what is cut off at both ends, >= 0.
      output_padding: what is added at the high end, >= 0.
      dilation: >= 1.

    Returns:
      The size of the output.

    Raises:
      ValueError: if an argument is out of range, or nothing is left.

    >>> conv_transpose_output_size(2, 3, stride=2), conv_transpose_output_size(4, 2, stride=2)
    (5, 8)
    """
    report = Report("conv_transpose_output_size")
    names = {"size": size, "window": window, "stride": stride, "dilation": dilation}
    size, window, stride, dilation = (report.count(n, value) for n, value in names.items())
    padding = report.count("padding", padding, low=0)
    more = report.count("output_padding", output_padding, low=0)
    out = (size - 1) * stride - 2 * padding + extent(window, dilation) + more
    report.expect(out > 0, "padding", padding, f"leaves nothing: {out}", "use less padding")
    report.done()
    return out


def conv_params(
    in_channels: int, out_channels: int, window: int | Sequence[int], *, groups: int = 1,
    bias: bool = True,
) -> int:  # fmt: skip
    """Return how many numbers a convolution learns.

    Args:
      in_channels: >= 1.
      out_channels: >= 1, the number of filters.
      window: sizes of the filter, one per axis; an int means two equal axes.
      groups: divides both numbers of channels.
      bias: whether there is one bias per filter.

    Returns:
      `prod(window) * in_channels // groups * out_channels`, and `out_channels` more for biases.

    Raises:
      ValueError: if the groups do not divide the channels.

    >>> conv_params(3, 10, 5)
    760
    """
    report = Report("conv_params")
    inner, outer = (
        report.count("in_channels", in_channels),
        report.count("out_channels", out_channels),
    )
    groups = report.count("groups", groups)
    ok = inner % groups == 0 and outer % groups == 0
    rule, fix = f"must divide {inner} and {outer} channels", "use a common divisor"
    report.expect(ok, "groups", groups, rule, fix)
    rank = 2 if is_int(window) else len(window)  # type: ignore[arg-type]
    sizes = report.ints("window", window, rank)
    report.done()
    count = inner // groups * outer
    for size in sizes:
        count *= size
    return count + (outer if bias else 0)


def receptive_field(layers: Iterable[Sliding]) -> ReceptiveField:
    r"""Return what one output of a stack of layers sees.

    .. math::
        r = 1 + \sum_i d_i (k_i - 1) \prod_{j < i} s_j, \qquad s = \prod_i s_i, \qquad
        \text{start} = -\sum_i p_i \prod_{j < i} s_j

    Args:
      layers: from input to output; `Sliding(window, stride, padding, dilation)`.

    Returns:
      Size, stride, start and centre of the field.

    Raises:
      ValueError: if an entry is out of range.

    Reference: Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks",
    Distill, 2019.

    >>> receptive_field([Sliding(7), Sliding(7)]).size
    13
    >>> receptive_field([Sliding(7, 2, 3), Sliding(3, 2, 1)])
    ReceptiveField(size=11, stride=4, start=-5, offset=0.0)
    """
    size, stride, start = 1, 1, 0
    for layer in layers:
        report = Report("receptive_field")
        lows = {"window": 1, "stride": 1, "padding": 0, "dilation": 1}
        window, step, padding, dilation = (
            report.count(name, value, low=low)
            for (name, low), value in zip(lows.items(), layer, strict=True)
        )
        report.done()
        size += dilation * (window - 1) * stride
        start -= padding * stride
        stride *= step
    return ReceptiveField(size, stride, start, start + (size - 1) / 2)


def _slide(
    name: str,
    size: int,
    window: int,
    stride: int,
    padding: int | str | tuple[int, int],
    dilation: int,
    ceil_mode: bool = False,
    *,
    exact: bool,
) -> int:
    report = Report(name)
    size = report.count("size", size)
    pads: Padding = (padding,) if isinstance(padding, tuple) else padding
    place = resolve(report, (size,), window, stride, pads, dilation, ceil_mode=ceil_mode)
    report.done()
    ((low, high),), (step,) = place.padding, place.stride
    room = size + low + high - extent(place.window[0], place.dilation[0])
    left = room % step
    rule = (
        f"leaves {left} of {size + low + high} padded elements over: {room} / {step} is not whole"
    )
    fix = f"use a stride that divides {room}, or change the padding"
    report.expect(not (exact and left), "stride", step, rule, fix)
    report.done()
    return place.output[0]
