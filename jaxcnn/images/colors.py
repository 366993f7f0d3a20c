"""Numbers become colours, by a scale that can be stated in a line."""

from dataclasses import dataclass
from typing import Any

import numpy as np

COLORMAPS = {
    # Nine points on viridis: even in lightness, so it reads the same without colour vision.
    "viridis": (
        "440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725",
    ),
    # From black by red to light yellow: what is nothing stays dark.
    "inferno": (
        "000004", "1b0c41", "4a0c6b", "781c6d", "a52c60", "cf4446", "ed6925", "fb9b06", "f7d13d",
        "fcffa4",
    ),
    # Two colours that part at white, safe for the colour-blind: ColorBrewer's RdBu, turned round.
    "blue_red": (
        "053061", "2166ac", "4393c3", "92c5de", "d1e5f0", "f7f7f7", "fddbc7", "f4a582", "d6604d",
        "b2182b", "67001f",
    ),
    "grey": ("000000", "ffffff"),
}  # fmt: skip
"""Colours at equal distances from the lowest to the highest value, red, green, blue in hex."""

DIVERGING = "blue_red"
SEQUENTIAL = "viridis"


def colorize(values: np.ndarray, colormap: str = SEQUENTIAL) -> np.ndarray:
    """Turn numbers into colours.

    Args:
        values: Floating, any shape, in [0, 1]; what lies outside takes the nearest end.
        colormap: `"viridis"` (dark violet, green, yellow), `"inferno"` (black, red, yellow),
            `"blue_red"` (blue, white at 0.5, red) or `"grey"`.

    Returns:
        uint8 (*shape, 3).

    Raises:
        ValueError: If a value is NaN, or the colour map is none of these.

    Example:
        >>> from jaxcnn.images import colorize
        >>> colorize(np.array([0.0, 1.0])).tolist()
        [[68, 1, 84], [253, 231, 37]]
        >>> colorize(np.array([0.5]), "blue_red").tolist()
        [[247, 247, 247]]

    Reference:
        van der Walt, Smith, "mpl colormaps", 2015 (viridis, inferno). Brewer, "ColorBrewer", 2003.
    """
    values = np.asarray(values, np.float64)
    if np.isnan(values).any():
        raise ValueError(f"values of shape {values.shape} hold NaN, which has no colour")
    check_colormap(colormap)
    anchors = np.array([list(bytes.fromhex(color)) for color in COLORMAPS[colormap]], np.float64)
    places = np.linspace(0, 1, len(anchors))
    channels = [np.interp(values, places, anchors[:, c]) for c in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


@dataclass(frozen=True)
class Scale:
    """Which numbers get which colours; `str` of it says so.

    Attributes:
        low: What gets the lowest colour.
        high: What gets the highest one.
        colormap: Its name, as for `colorize`.
        percentile: Which percentile of the magnitudes the ends are, in (0, 100]; a few values
            beyond them, which would press all others together, have the colours of the ends.

    Example:
        >>> scale = Scale.of(np.array([-1.0, 0.0, 4.0]), percentile=100)
        >>> str(scale), scale.unit(np.array([-4.0, 0.0, 2.0])).tolist()
        ('white 0, colours to ±4', [0.0, 0.5, 0.75])
    """

    low: float
    high: float
    colormap: str
    percentile: float = 100.0

    @classmethod
    def of(
        cls,
        values: Any,
        *,
        signed: bool | None = None,
        percentile: float = 99.0,
        colormap: str | None = None,
    ) -> "Scale":
        """Return a scale whose zero means nothing, for one map or for several that share it.

        Args:
            values: Floating, any shape, finite.
            signed: Whether zero is the middle of diverging colours rather than the lowest colour;
                None for whether a value is negative.
            percentile: Of the magnitudes, where the colours end, in (0, 100].
            colormap: Its name; None for `"blue_red"` or `"viridis"`.

        Returns:
            The scale. Where that percentile is 0, colours end at the largest magnitude.

        Raises:
            ValueError: If there is no value, one is not finite, or an option cannot be meant.
        """
        values = np.asarray(values, np.float64)
        if not values.size or not np.isfinite(values).all():
            raise ValueError(f"values of shape {values.shape} must be finite, and at least one")
        if not 0 < percentile <= 100:
            raise ValueError(f"percentile is {percentile!r}; it must be in (0, 100]")
        signed = bool((values < 0).any()) if signed is None else signed
        colormap = (DIVERGING if signed else SEQUENTIAL) if colormap is None else colormap
        check_colormap(colormap)
        sizes = np.abs(values) if signed else np.maximum(values, 0)
        high = float(np.percentile(sizes, percentile))
        percentile, high = (percentile, high) if high else (100.0, float(sizes.max()))
        return cls(-high if signed else 0.0, high, colormap, percentile)

    @property
    def signed(self) -> bool:
        """Whether zero is the middle of the colours."""
        return self.low < 0

    def unit(self, values: np.ndarray) -> np.ndarray:
        """Return where values lie between the ends, clipped to [0, 1]; float32 (*shape)."""
        values = np.asarray(values, np.float64)
        if self.high <= self.low:
            # Nothing but zeros: the colour of zero, in maps of either kind.
            middle = 0.5 if self.colormap == DIVERGING else 0.0
            return np.full(values.shape, middle, np.float32)
        return ((values - self.low) / (self.high - self.low)).clip(0, 1).astype(np.float32)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the colours of values, uint8 (*shape, 3)."""
        return colorize(self.unit(values), self.colormap)

    def __str__(self) -> str:
        """Return the normalisation in words."""
        end = f"{self.high:.2g}" + (
            f" ({self.percentile:g}th percentile)" if self.percentile < 100 else ""
        )
        if self.signed:
            return f"white 0, colours to ±{end}"
        return (
            f"colours from {self.low:.2g} to {end}" if self.high > self.low else "zero everywhere"
        )


def colorbar(colormap: str, width: int, height: int) -> np.ndarray:
    """Return the colours of a map from left (low) to right (high).

    Args:
        colormap: Its name, as for `colorize`.
        width: Pixels, >= 1.
        height: Pixels, >= 1.

    Returns:
        uint8 (height, width, 3).

    Raises:
        ValueError: If the colour map is unknown, or a size is not positive.

    Example:
        >>> colorbar("grey", 3, 1).tolist()
        [[[0, 0, 0], [128, 128, 128], [255, 255, 255]]]
    """
    if width < 1 or height < 1:
        raise ValueError(f"a bar of {width} x {height} pixels; both must be >= 1")
    row = colorize(np.linspace(0, 1, width), colormap)
    return np.repeat(row[None], height, axis=0)


def check_colormap(colormap: str) -> None:
    """Raise where there is no such colour map."""
    if colormap not in COLORMAPS:
        raise ValueError(f"colormap is {colormap!r}; it must be one of {', '.join(COLORMAPS)}")
