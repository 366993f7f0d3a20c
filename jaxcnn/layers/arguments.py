"""What `Conv` and `ConvTranspose` share: arguments of flax.linen, checked and resolved."""

import math
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from flax.core import meta

from jaxcnn.checks import Report, channel_last_hint, is_int, looks_channel_first
from jaxcnn.ops.window import Pairs, extent
from jaxcnn.typing import Array, Shape

# Paddings that flax.linen spells as names and PyTorch as modes.
MODE_NAMES = {"CIRCULAR": "circular", "REFLECT": "reflect"}


def report_for(module: nn.Module, x: Any) -> Report:
    """Return a report that names the layer and its place in the model."""
    path = "/".join(module.path)
    name = type(module).__name__
    return Report(f"{name} {path!r}" if path else name, x)


def window_of(report: Report, kernel_size: Any, x: Any) -> tuple[int, ...]:
    """Return the kernel size as a tuple, whose length says how many axes are spatial."""
    entries = (kernel_size,) if is_int(kernel_size) else kernel_size
    ok = isinstance(entries, (tuple, list, np.ndarray)) and 1 <= len(entries) <= 3
    rule, fix = "must be 1 to 3 ints", "pass e.g. (3, 3)"
    if not report.expect(ok, "kernel_size", kernel_size, rule, fix, kind=True):
        report.done()
    window = report.ints("kernel_size", tuple(entries), len(entries))
    expect_input(report, x, len(window), kernel_size)
    return window


def expect_input(report: Report, x: Any, rank: int, kernel_size: Any) -> None:
    """Expect numbers of shape `(*batch, *S, C)`, with not more axes than can be meant."""
    ok = hasattr(x, "dtype") and np.dtype(x.dtype) not in (np.uint8, np.int8, np.bool_)
    got = getattr(x, "dtype", type(x).__name__)
    rule, fix = f"must be an array of numbers, got {got}", "convert an 8-bit image to float first"
    if not report.expect(ok, "inputs", x, rule, fix, kind=True):
        report.done()
    axes = ("W", "H, W", "D, H, W")[rank - 1]
    rule = f"must have shape (batch, {axes}, C) for a kernel_size of {rank} axes, got {x.ndim}"
    fix = "give kernel_size one entry per spatial axis, or the input its missing axes"
    report.expect(x.ndim > rank, "inputs", x, rule, fix)
    report.expect(0 not in x.shape[-rank - 1 :], "inputs", x, "must have no empty axis", fix)
    # flax.linen reads these as sequences in a batch with two axes, and drops an image axis.
    image = x.ndim == 4 and (is_int(kernel_size) or x.shape[1] == x.shape[2])
    spread = (kernel_size if is_int(kernel_size) else window_entry(kernel_size),) * 2
    rule = "means one spatial axis (as in flax.linen), and the input looks like images"
    fix = f"use kernel_size={spread}, or jax.vmap over the second batch axis"
    report.expect(not (rank == 1 and image), "kernel_size", kernel_size, rule, fix)


def window_entry(kernel_size: Any) -> Any:
    """Return the first entry of a kernel size."""
    return kernel_size[0] if len(kernel_size) else 1


def expect_features(report: Report, channels: int, features: Any, groups: Any) -> None:
    """Expect positive numbers of features and groups that divide each other."""
    features = report.count("features", features)
    groups = report.count("feature_group_count", groups)
    for name, size in (("input channels", channels), ("features", features)):
        rule, fix = f"must divide the {size} {name}", f"use a divisor of {size}"
        report.expect(size % groups == 0, "feature_group_count", groups, rule, fix)


def expect_channels(report: Report, module: nn.Module, x: Any, kernel_shape: Shape) -> None:
    """Expect the channels that the stored kernel takes, and NHWC before there is one."""
    if not module.has_variable("params", "kernel"):
        if x.ndim == len(kernel_shape):
            rule = "must be channel-last"
            ok = not looks_channel_first(x.shape)
            report.expect(ok, "inputs", x, rule, channel_last_hint(x.shape))
        return
    stored = jnp.shape(meta.unbox(module.get_variable("params", "kernel")))
    if stored == kernel_shape or len(stored) != len(kernel_shape):
        return  # flax.linen has an error of its own for other differences
    first = x.ndim == len(stored) and looks_channel_first(x.shape)
    fix = channel_last_hint(x.shape) if first else "give it the input that it was initialised with"
    rule = f"needs a kernel of shape {kernel_shape}, the stored one has {stored}"
    report.expect(False, "inputs", x, rule, fix)


def per_axis(report: Report, name: str, value: Any, rank: int) -> tuple[int, ...]:
    """Return one int per axis, where None means 1 as in flax.linen."""
    return report.ints(name, 1 if value is None else value, rank)


def padding_and_mode(
    report: Report, padding: Any, mode: str, window: Shape, dilation: Shape
) -> tuple[Any, str]:
    """Return what flax.linen's named paddings mean as a padding and a padding mode."""
    spans = [extent(k, d) for k, d in zip(window, dilation, strict=True)]
    if padding in ("CIRCULAR", "REFLECT") if isinstance(padding, str) else False:
        pairs: Pairs = tuple(((span - 1) // 2, span // 2) for span in spans)
        return pairs, MODE_NAMES[padding]
    if isinstance(padding, str) and padding == "CAUSAL":
        rule, fix = "is for one spatial axis", "pass one (low, high) pair per axis"
        report.expect(len(window) == 1, "padding", padding, rule, fix)
        return tuple((span - 1, 0) for span in spans), mode
    return padding, mode


def merge_batch(x: Array, rank: int) -> tuple[Array, Shape]:
    """Return the input with exactly one batch axis, and the batch axes that it had."""
    batch = x.shape[: x.ndim - rank - 1]
    if len(batch) == 1:
        return x, batch
    return jnp.reshape(x, (math.prod(batch), *x.shape[len(batch) :])), batch


def split_batch(y: Array, batch: Shape) -> Array:
    """Undo `merge_batch`."""
    return y if len(batch) == 1 else jnp.reshape(y, (*batch, *y.shape[1:]))
