"""Slow, obvious NumPy versions of the windowed operations, to compare with."""

import itertools

import numpy as np


def pairs(padding, rank):
    if isinstance(padding, int):
        return [(padding, padding)] * rank
    return [(p, p) if isinstance(p, int) else p for p in padding]


def each(value, rank):
    return (value,) * rank if isinstance(value, int) else tuple(value)


def windows(x, window, stride, dilation):
    """Yield `(output position, (N, *window, C))` over a padded batch."""
    rank = len(window)
    spans = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=False)]
    outs = [(n - e) // s + 1 for n, e, s in zip(x.shape[1:-1], spans, stride, strict=False)]
    for place in itertools.product(*map(range, outs)):
        index = [
            slice(p * s, p * s + e, d)
            for p, s, e, d in zip(place, stride, spans, dilation, strict=False)
        ]
        yield place, x[(slice(None), *index)]
    assert rank == x.ndim - 2


def conv(x, kernel, bias=None, stride=1, padding=0, padding_mode="zeros", dilation=1, groups=1):
    rank = x.ndim - 2
    mode = {"zeros": "constant", "replicate": "edge", "circular": "wrap", "reflect": "reflect"}
    x = np.pad(x, [(0, 0), *pairs(padding, rank), (0, 0)], mode=mode[padding_mode])
    inner, outer = kernel.shape[-2], kernel.shape[-1] // groups
    rows = {}
    for place, seen in windows(x, kernel.shape[:-2], each(stride, rank), each(dilation, rank)):
        parts = [
            np.tensordot(
                seen[..., g * inner : (g + 1) * inner],
                kernel[..., g * outer : (g + 1) * outer],
                rank + 1,
            )
            for g in range(groups)
        ]
        rows[place] = np.concatenate(parts, -1) + (0 if bias is None else bias)
    return assemble(rows)


def pool(x, window, reduce, stride=None, padding=0, dilation=1, fill=0.0):
    rank = x.ndim - 2
    window = each(window, rank)
    stride = window if stride is None else each(stride, rank)
    x = np.pad(x, [(0, 0), *pairs(padding, rank), (0, 0)], constant_values=fill)
    axes = tuple(range(1, rank + 1))
    return assemble(
        {p: reduce(seen, axes) for p, seen in windows(x, window, stride, each(dilation, rank))}
    )


def assemble(rows):
    shape = [n + 1 for n in max(rows)]
    first = next(iter(rows.values()))
    y = np.zeros((first.shape[0], *shape, first.shape[-1]), first.dtype)
    for place, row in rows.items():
        y[(slice(None), *place)] = row
    return y
