"""PyTorch's side of `benchmarks.ops`: reads rows and counts, writes results and seconds."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional


def images(array: np.ndarray) -> Any:
    """Return (N, H, W, C) as (N, C, H, W), channels last in memory."""
    found = torch.from_numpy(array).permute(0, 3, 1, 2)
    return found.contiguous(memory_format=torch.channels_last)


def calls(row: dict[str, Any], given: Any) -> tuple[Any, Any]:
    """Return the function that is timed, and one that brings its result into our layout."""
    dtype = getattr(torch, row["dtype"])
    x, g = images(given["x"]).to(dtype), images(given["cotangent"]).to(dtype)
    stride, padding, groups = row["stride"], row["padding"], row["groups"]
    if row["op"].endswith("pool"):
        pool = getattr(functional, row["op"] + "2d")
        x.requires_grad_(row["part"] == "gradient")

        def pooled() -> Any:
            y = pool(x, row["window"], stride, padding)
            return torch.autograd.grad(y, x, g)[0] if x.requires_grad else y

        return pooled, back
    up = row["op"] == "conv_transpose"
    kernel = torch.from_numpy(given["kernel"].transpose((2, 3, 0, 1) if up else (3, 2, 0, 1)))
    kernel = kernel.to(dtype).contiguous(memory_format=torch.channels_last)
    options = ([stride] * 2, [padding] * 2, [1, 1], up, [0, 0], groups)
    if row["part"] == "forward":
        return lambda: torch.convolution(x, kernel, None, *options), back
    mask = [row["part"] == "input", row["part"] == "kernel", False]
    backward = torch.ops.aten.convolution_backward
    index = mask.index(True)
    order = (2, 3, 0, 1) if up else (2, 3, 1, 0)
    shape = back if index == 0 else lambda y: y.permute(order)
    return lambda: backward(g, x, kernel, None, *options, mask)[index], shape


def back(y: Any) -> Any:
    return y.permute(0, 2, 3, 1)


def main() -> None:
    file = Path(sys.argv[1])
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    call: Any = None
    for line in sys.stdin:
        asked = json.loads(line)
        if "row" in asked:
            call, shape = calls(asked["row"], np.load(file))
            np.save(file.with_suffix(".npy"), shape(call()).detach().float().numpy())
            print("{}", flush=True)
            continue
        start = time.perf_counter()
        for _ in range(asked["count"]):
            call()
        print(json.dumps({"seconds": (time.perf_counter() - start) / asked["count"]}), flush=True)


if __name__ == "__main__":
    main()
