"""Constants of a compiled program: models that cannot be hashed must not compile anew each call."""

import dataclasses
import functools
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np


class Static:
    """A value that `jax.jit` takes as a constant, whether or not it can be hashed.

    Two are equal when their values are, container by container and field by field; what cannot
    be compared so (an unhashable object, a JAX array) is equal to itself only.

    >>> Static({"sizes": [1, 2]}) == Static({"sizes": [1, 2]}), Static([1]) == Static([True])
    (True, False)
    """

    def __init__(self, value: Any):
        self.value = value
        self.key = fingerprint(value)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and self.key == other.key


class Identity:
    """An object that equals nothing but itself, and that lives as long as its stand-in."""

    def __init__(self, value: Any):
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value


def fingerprint(value: Any) -> Hashable:
    """Return what can be hashed, and is equal for equal values of equal type.

    Containers are read rather than remembered: a list that is changed later must not find the
    program that was compiled before.
    """
    kind = type(value)
    if isinstance(value, Mapping):
        return kind, tuple((key, fingerprint(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return kind, tuple(map(fingerprint, value))
    if isinstance(value, functools.partial):
        return kind, fingerprint((value.func, value.args, value.keywords))
    if isinstance(value, np.ndarray) and value.dtype != object:
        return kind, value.shape, value.dtype.str, value.tobytes()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.name != "parent"]
        return kind, tuple(fingerprint(getattr(value, name, None)) for name in names)
    try:
        hash(value)
    except TypeError:
        return kind, Identity(value)
    return kind, value
