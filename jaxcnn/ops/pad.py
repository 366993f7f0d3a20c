"""Padding by zeros, a constant, reflection, replication or wrapping."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxcnn.checks import Report
from jaxcnn.ops.window import Pairs, Window, resolve_padding
from jaxcnn.typing import Array, Padding

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Array, padding: Padding, *, mode: str = "zeros", value: float = 0) -> Array:
    """Pad the spatial axes of a channel-last batch.

    For the row `1 2 3 4` and a padding of 2: `zeros` gives `0 0 1 2 3 4 0 0`, `reflect`
    `3 2 1 2 3 4 3 2`, `replicate` `1 1 1 2 3 4 4 4` and `circular` `3 4 1 2 3 4 1 2`.

    Args:
      x: `(N, *S, C)` with one to three spatial axes.
      padding: an int for all axes, or per axis an int or a `(low, high)` pair.
      mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
      value: what `"zeros"` fills in.

    Returns:
      `(N, *S', C)` with `S' = low + S + high`.

    Raises:
      ValueError: if the mode is unknown or the input is too small to be reflected.

    >>> pad(jnp.arange(1.0, 5.0).reshape(1, 4, 1), 2, mode="reflect").ravel()
    Array([3., 2., 1., 2., 3., 4., 3., 2.], dtype=float32)
    """
    report = Report("pad", x)
    expect_batch(report, x)
    report.done()
    sizes = x.shape[1:-1]
    pads = resolve_padding(report, padding, sizes, (1,) * len(sizes), (1,) * len(sizes))
    expect_mode(report, mode, sizes, pads)
    report.done()
    return pad_spatial(x, pads, mode, value)


def pad_spatial(x: Array, pads: Pairs, mode: str = "zeros", value: Any = 0) -> Array:
    """Pad with arguments that are known to be right."""
    if not any(lo or hi for lo, hi in pads):
        return x
    if mode == "zeros":
        config = ((0, 0, 0), *((lo, hi, 0) for lo, hi in pads), (0, 0, 0))
        return lax.pad(x, jnp.asarray(value, x.dtype), config)
    return jnp.pad(x, ((0, 0), *pads, (0, 0)), mode=MODES[mode])


def pad_window(x: Array, place: Window, mode: str) -> tuple[Array, Window]:
    """Pad the input as `place` says, and return where the windows lie without padding."""
    x = pad_spatial(x, place.padding, mode)
    nothing = ((0, 0),) * len(place.padding)
    return x, place._replace(sizes=x.shape[1:-1], padding=nothing)


def expect_mode(report: Report, mode: str, sizes: tuple[int, ...], pads: Pairs) -> None:
    """Expect a known padding mode, and an input that is large enough for it."""
    report.choice("padding_mode" if report.function != "pad" else "mode", mode, tuple(MODES))
    if mode == "reflect":
        limit = tuple(n - 1 for n in sizes)
        report.expect(
            all(max(pair) <= most for pair, most in zip(pads, limit, strict=True)),
            *("padding", pads, f"must be at most {limit} with mode 'reflect'"),
            "pad less, or use mode 'replicate', 'circular' or 'zeros'",
        )


def expect_batch(report: Report, x: Any) -> bool:
    """Expect `(N, *S, C)` with one to three spatial axes, none of them empty."""
    shape = getattr(x, "shape", None)
    if not report.expect(
        shape is not None and hasattr(x, "dtype"),
        *("x", x, "must be an array", "pass a JAX or NumPy array"),
        kind=True,
    ):
        return False
    assert shape is not None
    return report.expect(
        3 <= len(shape) <= 5,
        *("x", x, f"must have shape (N, *spatial, C) with 1 to 3 spatial axes, got {len(shape)}"),
        "add a batch axis with x[None], or a channel axis with x[..., None]",
    ) and report.expect(
        0 not in shape[1:],
        *("x", x, "must have no empty spatial or channel axis"),
        "check the slicing or pooling before this call",
    )
