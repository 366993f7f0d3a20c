"""Places in a network, how they are written, and where their values are kept meanwhile.

    place  = [path] ["." method] ["#" call] [":input" | ":output"]

`stage1/block2` is what this module returns and `stage1/block2:input` what it is given; `:input`
and `:output` alone are those of the whole model. `shared#2` is the second call of a module that
is called several times, `encoder.encode` another method than `__call__`.

Requests and values travel as variables: an empty tuple at a module asks for its values, which
are appended call by call. So the compiled parts of a model (`nn.jit` remembers them by the
structure of their variables) are never mistaken for those of another request. They have a
collection of their own, `taps`, for some models only run while `intermediates` are not writable;
where the caller makes these writable, they serve in lifted modules that pass nothing else.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flax import traverse_util

COLLECTIONS = ("taps", "intermediates")
PREFIX = "tap:"
DELTA = "delta:"


class Place(NamedTuple):
    """The input or output of one call of one method of one module."""

    path: tuple[str, ...]
    method: str
    call: int
    side: str
    collection: str = COLLECTIONS[0]

    @property
    def slot(self) -> str:
        """Name of the variable that holds the values of all calls."""
        return slot(self.method, self.side)

    def name(self, calls: int) -> str:
        """Return how the place is written, given how often the method is called.

        >>> Place(("stage1", "conv"), "__call__", 2, "input").name(calls=3)
        'stage1/conv#2:input'
        >>> Place((), "__call__", 1, "output").name(calls=1)
        ':output'
        """
        method = "" if self.method == "__call__" else f".{self.method}"
        number = f"#{self.call}" if calls > 1 else ""
        base = "/".join(self.path) + method + number
        return base if base and self.side == "output" else f"{base}:{self.side}"


def slot(method: str, side: str) -> str:
    """Return the name of the variable for one side of a method."""
    return f"{PREFIX}{method}:{side}"


def request(places: Iterable[Place], deltas: Mapping[Place, Any]) -> dict[str, Any]:
    """Return the variables that ask for places, and add deltas to the values found there.

    >>> request([Place(("head",), "__call__", 1, "output")], {})
    {'taps': {'head': {'tap:__call__:output': ()}}}
    """
    asked: dict[tuple[str, ...], Any] = {}
    for place in places:
        asked[place.collection, *place.path, place.slot] = ()
    for place, delta in deltas.items():
        asked[place.collection, *place.path, DELTA + place.slot, str(place.call)] = delta
    return traverse_util.unflatten_dict(asked)


def taken(variables: Any, place: Place) -> tuple[Any, ...]:
    """Return the values of all calls so far, of the method and side of a place."""
    for name in (place.collection, *place.path):
        variables = variables.get(name, {})
    return variables.get(place.slot, ())


def matches(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that a shell pattern matches; `**` also crosses `/` and `:`.

    >>> matches("stage*", ["stem", "stage1", "stage1:input", "stage1/conv"])
    ['stage1']
    """
    wild = {"**": ".*", "*": "[^/:]*", "?": "[^/:]"}
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    regex = re.compile("".join(wild.get(part) or re.escape(part) for part in parts))
    return [name for name in names if regex.fullmatch(name)]


def is_pattern(name: str) -> bool:
    """Whether a name holds wildcards."""
    return "*" in name or "?" in name
