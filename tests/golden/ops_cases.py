"""The grid of cases on which the operations are compared with PyTorch; NumPy only."""

import itertools

import numpy as np

SPACE = {1: (9,), 2: (7, 8), 3: (5, 4, 6)}


def conv_cases():
    """Yield shapes and options over ranks, strides, paddings, modes, dilations and groups."""
    rows = itertools.product((1, 2, 3), (1, 2, 3), (1, 2), (0, 1, 2), (1, 2), (1, 2, 4))
    for number, (rank, window, stride, padding, dilation, groups) in enumerate(rows):
        if rank == 3 and number % 2 or (window - 1) * dilation + 1 > min(SPACE[rank]) + 2 * padding:
            continue
        mode = ("zeros", "zeros", "reflect", "replicate", "circular")[number % 5]
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        if mode != "zeros" and padding and rank < 3:
            options["padding_mode"] = mode
        features = 4 if number % 3 else 8
        kernel = (*(window,) * rank, 4 // groups, features)
        yield "conv", (3 - min(rank, 2), *SPACE[rank], 4), kernel, options
    uneven = [(2, 1), (1, 2)]
    for stride, padding, dilation in itertools.product(uneven, uneven, uneven):
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": 1}
        yield "conv", (1, 7, 8, 3), (3, 2, 3, 2), options


def conv_transpose_cases():
    """Yield shapes and options, with every output padding that is allowed."""
    rows = itertools.product((1, 2, 3), (1, 2, 3), (1, 2, 3), (0, 1), (0, 1), (1, 2), (1, 2))
    for number, (rank, window, stride, padding, extra, dilation, groups) in enumerate(rows):
        smallest = (2 - 1) * stride - 2 * padding + dilation * (window - 1) + 1
        if extra >= max(stride, dilation) or smallest < 1 or number % rank:
            continue
        options = {"stride": stride, "padding": padding, "output_padding": extra}
        options |= {"dilation": dilation, "groups": groups}
        kernel = (*(window,) * rank, 4, 6 // groups)
        yield "conv_transpose", (2, *(3, 4, 2)[:rank], 4), kernel, options


def pool_cases():
    """Yield pools over windows, strides, paddings, dilations and rounding."""
    rows = itertools.product((1, 2, 3), (2, 3), (None, 1, 2, 3), (0, 1), (False, True))
    for number, (rank, window, stride, padding, ceil_mode) in enumerate(rows):
        options = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}
        shape = (2, *SPACE[rank], 3)
        dilation = 1 + (number % 3 == 0 and (window - 1) * 2 < min(SPACE[rank]))
        yield "max_pool", shape, window, options | {"dilation": dilation}
        yield "avg_pool", shape, window, options | {"count_include_pad": number % 2 == 0}
        if rank < 3 and not padding and not ceil_mode:  # where PyTorch scales what hangs over
            plain = {"stride": stride, "p": 1.0 + number // 2 % 3}
            yield "lp_pool", shape, window, plain


def other_cases():
    """Yield adaptive pooling and local response normalisation."""
    for rank in (1, 2, 3):
        shape = (2, *SPACE[rank], 3)
        for size in (1, 2, 3, SPACE[rank]):
            yield "adaptive_avg_pool", shape, size, {}
            yield "adaptive_max_pool", shape, size, {}
    for size, k in itertools.product((1, 3, 4, 5), (1.0, 2.0)):
        yield "local_response_norm", (2, 3, 3, 7), size, {"k": k, "alpha": 0.1, "beta": 0.75}


def cases():
    """Return all cases as `(op, input shape, kernel shape or size, options)`."""
    return [*conv_cases(), *conv_transpose_cases(), *pool_cases(), *other_cases()]


def inputs(number, case):
    """Return the case's arrays, float64: `[x]` or `[x, kernel, bias]`."""
    op, shape, kernel, options = case
    rng = np.random.default_rng(number)
    x = rng.normal(size=shape)
    if not op.startswith("conv"):
        return [np.abs(x) if op == "lp_pool" else x]  # PyTorch has no absolute value there
    features = kernel[-1] * (options["groups"] if op == "conv_transpose" else 1)
    return [x, rng.normal(size=kernel), rng.normal(size=features)]


def directions(number, arrays):
    """Return fixed arrays to project gradients on."""
    rng = np.random.default_rng(10_000 + number)
    return [rng.normal(size=array.shape) for array in arrays]
