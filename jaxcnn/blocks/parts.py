"""What all blocks share: the injected constructors, a convolution with its norm, the checks."""

from collections.abc import Callable
from typing import Any, Protocol

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.checks import Report
from jaxcnn.layers.arguments import report_for
from jaxcnn.typing import Array

Conv = Callable[..., Any]
"""Makes a convolution: `conv(features, kernel_size, strides=..., padding=..., name=...)(x)`."""

Norm = Callable[..., Any] | None
"""Makes a norm that knows whether it trains: `norm(name=...)(x)`; None for no norm."""

Act = Callable[[Array], Array]
"""A nonlinearity."""


class Block(Protocol):
    """A module that holds the constructors of its layers."""

    @property
    def conv(self) -> Conv:
        """What makes convolutions."""
        ...

    @property
    def norm(self) -> Norm:
        """What makes norms."""
        ...


class RandomBlock(Protocol):
    """A module that may drop its branch."""

    @property
    def stochastic_depth(self) -> float:
        """Probability of dropping."""
        ...

    @property
    def deterministic(self) -> bool | None:
        """Whether nothing is dropped."""
        ...


def conv_norm(
    block: Block,
    x: Array,
    suffix: str,
    features: int,
    kernel_size: tuple[int, int],
    *,
    stride: int | tuple[int, int] = 1,
    padding: Any = None,
    groups: int = 1,
    use_bias: bool | None = None,
    zero_init: bool = False,
) -> Array:
    """Apply `conv<suffix>` and `norm<suffix>`, made by the block's constructors.

    A padding of None is half the kernel on either side, which keeps odd kernels centred; a bias
    of None is there only where no norm follows, since a norm would subtract it.
    """
    if use_bias is None:
        use_bias = block.norm is None
    options: dict[str, Any] = {} if groups == 1 else {"feature_group_count": groups}
    conv = block.conv(
        features,
        kernel_size,
        strides=(stride, stride) if isinstance(stride, int) else stride,
        padding=symmetric(kernel_size) if padding is None else padding,
        use_bias=use_bias,
        name=f"conv{suffix}",
        **options,
    )
    return normed(block.norm, conv(x), f"norm{suffix}", zero_init=zero_init)


def normed(norm: Norm, x: Array, name: str, *, zero_init: bool = False) -> Array:
    """Apply a norm, whose scale may start at zero, or nothing where there is none."""
    if norm is None:
        return x
    options = {"scale_init": nn.initializers.zeros} if zero_init else {}
    return norm(name=name, **options)(x)


def symmetric(kernel_size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Return half the kernel for both sides of each axis.

    >>> symmetric((3, 7))
    ((1, 1), (3, 3))
    """
    return tuple(((k - 1) // 2, (k - 1) // 2) for k in kernel_size)


def dropped(block: RandomBlock, y: Array) -> Array:
    """Apply the block's stochastic depth to its branch."""
    if not block.stochastic_depth:
        return y
    drop = layers.StochasticDepth(
        block.stochastic_depth, deterministic=block.deterministic, name="stochastic_depth"
    )
    return drop(y)


def start_report(block: nn.Module, x: Any, *counts: str) -> Report:
    """Begin the check of a block: images come in, and the named fields are at least 1."""
    report = report_for(block, x)
    ok = getattr(x, "ndim", None) == 4
    rule, fix = "must be images (N, H, W, C)", "add or remove axes: one image is x[None]"
    if not report.expect(ok, "x", x, rule, fix):
        report.done()
    report.floating("x", x)
    for name in counts:
        report.count(name, getattr(block, name))
    return report


def expect_rate(report: Report, block: nn.Module, name: str) -> None:
    """Expect a rate in [0, 1], and above 0 that the block knows whether it trains."""
    rate = getattr(block, name)
    before = len(report.problems)
    report.fraction(name, rate)
    if len(report.problems) > before or not rate:
        return
    known = getattr(block, "deterministic", None) is not None
    rule = f"must be True (evaluation) or False (training) where {name} is above 0"
    report.expect(known, "deterministic", None, rule, "pass deterministic=not train")


def expect_scale(report: Report, block: Any) -> None:
    """Expect a norm where its scale should start at zero."""
    rule, fix = "needs a norm, whose scale starts at zero", "pass norm, or zero_init=False"
    report.expect(not (block.zero_init and block.norm is None), "zero_init", True, rule, fix)
