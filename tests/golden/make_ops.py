"""Writes `ops.npz`, what PyTorch computes on the grid of `ops_cases`: run it where torch is.

    python -m tests.golden.make_ops

Per case: the output, float64 and channel-last, and how `sum(sin(output))` changes along a fixed
direction of each input.
"""

import pathlib

import numpy as np

from tests.golden import ops_cases

try:
    import torch
    from torch.nn import functional as F
except ModuleNotFoundError:  # then only the stored references can be read
    torch = None

FILE = pathlib.Path(__file__).with_name("ops.npz")


def first(x):
    """NHWC to NCHW."""
    return x.movedim(-1, 1)


def last(x):
    """NCHW to NHWC."""
    return x.movedim(1, -1)


def convolve(x, kernel, bias, options):
    """Convolve as torch.nn.ConvNd does, padding modes included."""
    rank = x.ndim - 2
    options = dict(options)
    mode = options.pop("padding_mode", "zeros")
    x = first(x)
    if mode != "zeros":
        padding = options.pop("padding")
        x = F.pad(x, (padding,) * (2 * rank), mode=mode)
    weight = kernel.movedim((-1, -2), (0, 1))
    return last((F.conv1d, F.conv2d, F.conv3d)[rank - 1](x, weight, bias, **options))


def transpose(x, kernel, bias, options):
    """Convolve transposed."""
    rank = x.ndim - 2
    f = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[rank - 1]
    return last(f(first(x), kernel.movedim((-2, -1), (0, 1)), bias, **options))


def run(case, arrays):
    """Return what PyTorch computes for a case."""
    op, _, size, options = case
    x, rank = arrays[0], arrays[0].ndim - 2
    if op == "conv":
        return convolve(*arrays, options)
    if op == "conv_transpose":
        return transpose(*arrays, options)
    options = {("norm_type" if k == "p" else k): v for k, v in options.items()}
    if op == "lp_pool":
        f = (F.lp_pool1d, F.lp_pool2d)[rank - 1]
        return last(f(first(x), options.pop("norm_type"), size, **options))
    if op == "local_response_norm":
        return last(F.local_response_norm(first(x), size, **options))
    return last(getattr(F, f"{op}{rank}d")(first(x), size, **options))


def main():
    """Compute and store all cases."""
    results = {}
    for number, case in enumerate(ops_cases.cases()):
        arrays = ops_cases.inputs(number, case)
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        y = run(case, tensors)
        torch.sin(y).sum().backward()
        results[f"y{number}"] = y.detach().numpy()
        pairs = zip(tensors, ops_cases.directions(number, arrays), strict=True)
        results[f"g{number}"] = np.array([(t.grad.numpy() * d).sum() for t, d in pairs])
    np.savez_compressed(FILE, **results)
    print(f"{len(results) // 2} cases, {FILE.stat().st_size} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    main()
