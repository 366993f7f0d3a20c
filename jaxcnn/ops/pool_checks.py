"""The checks that all pooling operations share."""

from typing import Any

import jax.numpy as jnp

from jaxcnn.checks import Report
from jaxcnn.ops.pad import expect_batch
from jaxcnn.ops.window import Window, resolve
from jaxcnn.typing import Padding


def resolve_pool(
    report: Report,
    x: Any,
    window: Any,
    stride: Any,
    padding: Padding,
    dilation: Any,
    ceil_mode: bool = False,
    *,
    floating: bool = True,
) -> Window:
    """Check the arguments of a pooling operation and say where its windows lie."""
    if not expect_batch(report, x):
        report.done()
    expect_real(report, x)
    if floating:
        report.floating("x", x)
    place = resolve(
        report,
        x.shape[1:-1],
        window,
        stride,
        padding,
        dilation,
        ceil_mode=ceil_mode,
        pooling=True,
    )
    report.done()
    covered = all(count.min() > 0 for count in place.counts(include_padding=False))
    report.expect(
        covered,
        *("padding", padding, f"leaves windows of {place.window} without any input element"),
        "pad by less than the window, at most half of it as a rule",
    )
    report.done()
    return place


def expect_real(report: Report, x: Any) -> None:
    """Expect real numbers, which have an order."""
    real = not jnp.issubdtype(x.dtype, jnp.complexfloating) and x.dtype != bool
    rule, fix = f"must be an array of real numbers, got {x.dtype}", "pool the parts apart"
    report.expect(real, "x", x, rule, fix, kind=True)
