"""How large tiles must overlap for their seams not to be seen, from the network's own fields."""

import functools
import math
from dataclasses import dataclass

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import ArgumentError, Report
from jaxcnn.models.inspect.field import Extent, Field
from jaxcnn.models.inspect.trace import Trace, trace


@dataclass(frozen=True)
class Tiling:
    """How a network sees a large image in square tiles, in pixels.

    ```
    |<------------------ side ------------------>|
    | crop | margin |<------ kept ------>| margin | crop |
    ```

    Attributes:
        side: Height and width of what the network is given.
        crop: What its valid convolutions take at each side.
        margin: What is left out at each side of the rest, since the padding reaches it.
        stride: Total stride of the network: shifts by its multiples shift the result alike.
        field: Receptive field of a result, at most.

    Example:
        >>> Tiling(side=188, crop=92, margin=0, stride=16, field=200).kept
        4
    """

    side: int
    crop: int
    margin: int
    stride: int
    field: int

    @property
    def edge(self) -> int:
        """Context around what is kept."""
        return self.crop + self.margin

    @property
    def kept(self) -> int:
        """Results that a tile gives along each axis."""
        return self.side - 2 * self.edge

    @property
    def step(self) -> int:
        """From one tile to the next: a multiple of the stride."""
        return self.kept // self.stride * self.stride

    def count(self, size: int) -> int:
        """Return how many tiles cover so many pixels along an axis."""
        return 1 + max(0, math.ceil((size - self.kept) / self.step))


def tiling(
    model: nn.Module, channels: int, *, tile: int = 512, margin: int | None = None
) -> Tiling:
    """Return the tiles with which a network that labels pixels sees an image of any size.

    Nothing is computed: the total stride and the receptive field are those of the traced network,
    as `jaxcnn.summary` shows them. Margins are such that no result that is kept sees padding; a
    network that pads has at least half of its receptive field of them.

    Args:
        model: A Linen module from images (N, H, W, C) to one result for each pixel (fewer at the
            borders where it does not pad).
        channels: Of the images.
        tile: Largest height and width that the network is given, in pixels; the largest that it
            takes up to there is used.
        margin: Pixels left out at each side, rounded up to the stride; None for what the
            receptive field asks for.

    Returns:
        A `Tiling`.

    Raises:
        ValueError: If the network does not label pixels, sees the whole image (or an extent that
            is not known) and `margin` is not given, or if the tile leaves nothing to keep.

    Example:
        >>> from jaxcnn.models import UNet
        >>> tiling(UNet(depth=2, width=4), 1, tile=128)
        Tiling(side=128, crop=20, margin=0, stride=4, field=44)
        >>> tiling(UNet(depth=2, width=4, padding=1), 1, tile=128)
        Tiling(side=128, crop=0, margin=24, stride=4, field=44)

    Reference:
        Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
        Segmentation", MICCAI 2015, section 2 and figure 2.
    """
    report = Report("tiling")
    channels = report.count("channels", channels)
    tile = report.count("tile", tile)
    if margin is not None:
        report.count("margin", margin, low=0)
    report.done()
    return _planned(model, channels, tile, margin)


@functools.lru_cache(maxsize=32)
def _planned(model: nn.Module, channels: int, tile: int, margin: int | None) -> Tiling:
    side, seen = _largest(model, channels, tile)
    report = Report("tiling", seen.x.shape)
    fields = _fields(report, model, seen)
    crop = (side - seen.results[0].shape[1]) // 2
    stride = _total_stride(seen)
    if margin is None:
        known = all(field.extent is Extent.EXACT for field in fields)
        rule = f"must be given: {type(model).__name__} sees the whole image, or what is not known"
        report.expect(known, "margin", margin, rule, "pass the pixels that matter around one")
        report.done()
        margin = max(_margin(field, side, crop, stride) for field in fields)
    margin = math.ceil(margin / stride) * stride
    found = Tiling(side, crop, margin, stride, max(field.size or 0 for field in fields))
    rule = f"leaves {found.kept} of {side} pixels, with {found.edge} of context at each side"
    fix = f"use tile={2 * found.edge + 4 * stride} or more"
    report.expect(found.step > 0, "tile", tile, rule, fix)
    report.done()
    return found


def _largest(model: nn.Module, channels: int, tile: int) -> tuple[int, Trace]:
    """Return the largest side up to `tile` that leaves no pixel over, and the network on it."""
    stride, refused = 1, ArgumentError("")
    for side in range(tile, max(0, tile - 64), -1):
        try:
            seen = trace("tiling", model, (1, side, side, channels), True, jnp.float32, {})
        except ArgumentError as error:
            refused = error
            continue
        stride = _total_stride(seen)
        cropped = seen.results[0].shape[1:2] != (side,)
        if cropped or side % stride == 0 or side < stride:
            return side, seen
        # A network that pads takes any size, but floors it on the way down.
        side -= side % stride
        return side, trace("tiling", model, (1, side, side, channels), True, jnp.float32, {})
    raise refused


def _fields(report: Report, model: nn.Module, seen: Trace) -> list[Field]:
    """Return the receptive fields of the results along both axes."""
    result = seen.results[0]
    fits = (
        len(seen.results) == 1
        and len(result.shape) == 4
        and result.spread is not None
        and [result.spread.source(axis) for axis in (1, 2)] == [0, 1]
        and all(field.jump == 1 for field in result.spread.fields)
        and (seen.x.shape[1] - result.shape[1]) % 2 == 0
    )
    rule = "must give one result for each pixel, (N, H, W, K)"
    report.expect(fits, "model", model, rule, "pass a network that labels pixels, such as a U-Net")
    report.done()
    assert result.spread is not None
    return list(result.spread.fields)


def _total_stride(seen: Trace) -> int:
    """Return the smallest shift of the image that shifts every map by whole positions."""
    spreads = [value.spread for step in seen.steps for value in step.results]
    jumps = [field.jump for spread in spreads if spread for field in spread.fields]
    return math.lcm(*(abs(jump.numerator) or 1 for jump in jumps))


def _margin(field: Field, side: int, crop: int, stride: int) -> int:
    """Return how many results at each end see beyond the tile, or half the field if any does."""
    period, last = len(field.seen), side - 2 * crop - 1

    def inside(margin: int) -> bool:
        phases = range(period)
        first = min(field.at(margin + i)[0] for i in phases)
        return first >= 0 and max(field.at(last - margin - i)[1] for i in phases) <= side

    margin = 0
    while not inside(margin):
        margin += stride
    return max(margin, math.ceil((field.size or 0) / 2)) if margin else 0
