"""Where the spatial axes of a network's input are in an array computed from it."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from jaxcnn.models.inspect.field import Extent, Field
from jaxcnn.typing import Shape


class Atom(NamedTuple):
    """A digit of an array's axis: `length` positions, along a spatial axis of the input or none.

    An axis is a list of them, the slowest first, as reshapes merge and part axes.
    """

    length: int
    source: int | None = None


Axis = tuple[Atom, ...]


class Spread(NamedTuple):
    """The field along each spatial axis of the input, and what each axis of the array is.

    >>> image = Spread.of_input((1, 32, 32, 3))
    >>> [axis[0].source for axis in image.axes]
    [None, 0, 1, None]
    """

    fields: tuple[Field, ...]
    axes: tuple[Axis, ...]

    @classmethod
    def of_input(cls, shape: Shape) -> "Spread":
        """Return the spread of a network's input `(N, *S, C)`."""
        spatial = range(1, len(shape) - 1)
        axes = [(Atom(n, i - 1 if i in spatial else None),) for i, n in enumerate(shape)]
        return cls(tuple(Field() for _ in spatial), tuple(axes))

    def source(self, axis: int) -> int | None:
        """Return the only spatial axis along this axis, or None."""
        found = [atom.source for atom in self.axes[axis] if atom.source is not None]
        return found[0] if len(found) == 1 else None

    def set_field(self, source: int, field: Field) -> "Spread":
        """Return the spread with another field along a spatial axis of the input."""
        return self._replace(fields=(*self.fields[:source], field, *self.fields[source + 1 :]))

    def set_axis(self, axis: int, length: int, field: Field | None = None) -> "Spread":
        """Return the spread with another length of an axis, and field along its source."""
        source = self.source(axis)
        axes = (*self.axes[:axis], (Atom(length, source),), *self.axes[axis + 1 :])
        spread = self._replace(axes=axes)
        return spread if field is None or source is None else spread.set_field(source, field)

    def along(self, axis: int) -> Field | None:
        """Return the field along an axis, if it runs along one spatial axis of the input."""
        source = self.source(axis)
        if source is None:
            return None
        place = [atom.source for atom in self.axes[axis]].index(source)
        before = math.prod(atom.length for atom in self.axes[axis][:place])
        after = math.prod(atom.length for atom in self.axes[axis][place + 1 :])
        field = self.fields[source]
        if before > 1:
            return field.as_extent(Extent.UNKNOWN)
        return field.repeated(after) if after > 1 else field

    def seen_whole(self, axes: Iterable[int], extent: Extent = Extent.ALL) -> "Spread":
        """Return the spread after all positions of these axes have been brought together."""
        spread = self
        for axis in axes:
            for atom in self.axes[axis]:
                if atom.source is not None:
                    field = spread.fields[atom.source]
                    spread = spread.set_field(atom.source, field.as_extent(extent))
        return spread

    def without(self, axes: Iterable[int]) -> "Spread":
        """Return the spread without these axes."""
        gone = set(axes)
        return self._replace(axes=tuple(a for i, a in enumerate(self.axes) if i not in gone))

    def unknown(self, shape: Shape) -> "Spread":
        """Return a spread of which only the fields' strides are known, for an array of a shape."""
        fields = [field.as_extent(Extent.UNKNOWN) for field in self.fields]
        if len(shape) != len(self.axes):
            return Spread(tuple(fields), tuple((Atom(n),) for n in shape))
        axes = list(self.axes)
        for i, length in enumerate(shape):
            old, source = size(axes[i]), self.source(i)
            if old != length:
                axes[i] = (Atom(length, source),)
                if source is not None:  # most likely a resizing
                    fields[source] = fields[source].rescaled(Fraction(old, length))
        return Spread(tuple(fields), tuple(axes))

    def reshaped(self, shape: Shape) -> "Spread":
        """Return the spread after a reshape, which merges axes and parts them again.

        >>> flat = Spread.of_input((1, 4, 6, 3)).reshaped((24, 3))
        >>> flat.reshaped((1, 4, 6, 3)) == Spread.of_input((1, 4, 6, 3))
        True
        """
        atoms = [atom for axis in self.axes for atom in axis if atom.length > 1]
        axes: list[Axis] = []
        fields = list(self.fields)
        for length in shape:
            digits, left = [], length
            while left > 1:
                if not atoms:
                    return self.unknown(shape)
                atom = atoms.pop(0)
                common = math.gcd(atom.length, left)
                if common < atom.length:
                    # Part an axis: the faster digit is a window over neighbouring positions.
                    rest = atom.length // common
                    if common != left:
                        return self.unknown(shape)
                    if atom.source is not None:
                        fields[atom.source] = fields[atom.source].slide(rest, rest)
                    atoms.insert(0, Atom(rest))
                    atom = Atom(common, atom.source)
                digits.append(atom)
                left //= atom.length
            axes.append(tuple(digits) or (Atom(1),))
        return Spread(tuple(fields), tuple(axes))

    def merged(self) -> "Spread":
        """Return the spread with one digit for each axis that runs along one axis of the input."""
        spread = self
        for axis, digits in enumerate(self.axes):
            field = self.along(axis)
            if len(digits) > 1 and field is not None:
                spread = spread.set_axis(axis, size(digits), field)
        return spread

    def joined(self, other: "Spread") -> "Spread":
        """Return the spread of an elementwise function of this array and another."""
        if self.axes != other.axes:
            self, other = self.merged(), other.merged()
        fields = tuple(a.joined(b) for a, b in zip(self.fields, other.fields, strict=True))
        if len(self.axes) != len(other.axes):
            return Spread(fields, max(self.axes, other.axes, key=len))
        axes = [b if sources(b) and not sources(a) else a
                for a, b in zip(self.axes, other.axes, strict=True)]  # fmt: skip
        return Spread(fields, tuple(axes))


def size(axis: Axis) -> int:
    """Return the length of an axis."""
    return math.prod(atom.length for atom in axis)


def sources(axis: Axis) -> list[int]:
    """Return the spatial axes of the input along which an axis runs."""
    return [atom.source for atom in axis if atom.source is not None]


def joined(spreads: Sequence[Spread]) -> Spread:
    """Return the spread of an elementwise function of arrays."""
    first, *rest = spreads
    for spread in rest:
        first = first.joined(spread)
    return first
