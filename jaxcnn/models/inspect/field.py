"""What each position along one axis sees of the input: receptive fields, exactly.

Plain networks need a size and a stride. Networks that also upsample need more, since neighbours
then see different amounts; so a field is a periodic pattern of intervals. Positions outside the
map (padding) are thought of as continuing it, which gives the textbook's numbers.
"""

import enum
import math
from fractions import Fraction
from typing import NamedTuple

HOLE = (math.inf, -math.inf)
"""The interval of a position that sees nothing: a zero put between elements."""


class Extent(enum.IntEnum):
    """How much is known of a field's size."""

    EXACT = 0
    UNKNOWN = 1
    ALL = 2


class Field(NamedTuple):
    """Position `i` sees the inputs from `low` to `high` (exclusive) of `seen[i % p]`, moved on.

    `p = len(seen)`, and the interval is moved by `shift` inputs for every whole period.

    >>> Field().slide(7, stride=2, low=3).slide(3, stride=2, low=1)
    Field(seen=((-5, 6),), shift=4, extent=<Extent.EXACT: 0>)
    """

    seen: tuple[tuple[float, float], ...] = ((0, 1),)
    shift: Fraction | int = 1
    extent: Extent = Extent.EXACT

    @property
    def size(self) -> int | None:
        """Inputs that the best-sighted position sees; None for all of them, or unknown."""
        if self.extent is not Extent.EXACT:
            return None
        return int(max(high - low for low, high in self.seen))

    @property
    def jump(self) -> Fraction:
        """Inputs from one position to the next: the total stride."""
        return Fraction(self.shift) / len(self.seen)

    def at(self, index: int) -> tuple[float, float]:
        """Return the interval that a position sees."""
        turns, phase = divmod(index, len(self.seen))
        low, high = self.seen[phase]
        return low + turns * self.shift, high + turns * self.shift

    def slide(self, window: int, stride: int = 1, low: int = 0, dilation: int = 1) -> "Field":
        """Return what a window sees that slides with this padding at the low end."""
        period = len(self.seen)
        phases = period // math.gcd(period, stride)
        seen = []
        for phase in range(phases):
            first = phase * stride - low
            taps = [self.at(first + tap * dilation) for tap in range(window)]
            seen.append((min(lo for lo, _ in taps), max(hi for _, hi in taps)))
        return self.replaced(seen, self.shift * (stride * phases // period))

    def spaced(self, step: int) -> "Field":
        """Put `step - 1` zeros between the positions."""
        seen = [entry for pair in self.seen for entry in (pair, *[HOLE] * (step - 1))]
        return self.replaced(seen, self.shift)

    def repeated(self, times: int) -> "Field":
        """Repeat every position, as nearest-neighbour upsampling does."""
        return self.replaced([pair for pair in self.seen for _ in range(times)], self.shift)

    def reversed(self, length: int) -> "Field":
        """Count the positions from the other end."""
        seen = [self.at(length - 1 - i) for i in range(len(self.seen))]
        return self.replaced(seen, -self.shift)

    def rescaled(self, factor: Fraction) -> "Field":
        """Resample so that positions lie `factor` times as far apart, by a kernel not known."""
        return Field(((0, 1),), self.jump * factor, max(self.extent, Extent.UNKNOWN))

    def as_extent(self, extent: Extent) -> "Field":
        """Return the field with no more known of it than this."""
        return self._replace(extent=max(self.extent, extent))

    def replaced(self, seen: list[tuple[float, float]], shift: Fraction | int) -> "Field":
        """Return another pattern, in its shortest form where all positions are alike."""
        if len(seen) > 1 and shift % len(seen) == 0:
            step = shift // len(seen)
            (low, high), *rest = seen
            if all(pair == (low + i * step, high + i * step) for i, pair in enumerate(rest, 1)):
                return Field((seen[0],), step, self.extent)
        return Field(tuple(seen), shift, self.extent)

    def joined(self, other: "Field") -> "Field":
        """Return what is seen by a sum of, or channels beside, another field's positions."""
        if self == other:
            return self
        extent = max(self.extent, other.extent)
        if self.jump != other.jump:
            # What is constant along the axis (a gate from pooled maps) has no stride of its own.
            kept = self if self.shift else other
            return kept._replace(extent=max(extent, Extent.UNKNOWN))
        period = math.lcm(len(self.seen), len(other.seen))
        pairs = [(self.at(i), other.at(i)) for i in range(period)]
        seen = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in pairs]
        shift = self.jump * period
        whole = int(shift) if shift.denominator == 1 else shift
        return Field((), 0, extent).replaced(seen, whole)
