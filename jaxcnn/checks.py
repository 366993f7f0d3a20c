"""Shared argument checks, and the one form that every error of the library has.

A message names the function, the argument, the value received, the rule, the shape of the
input and the fix; all mismatches of a call are reported at once:

    conv: 2 arguments cannot be used with input of shape (8, 32, 32, 3)
      stride=0: must be >= 1. Fix: use stride=1 for a dense output.
      groups=2: must divide the 3 input channels. Fix: use 1 or 3.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn.typing import Shape


class ArgumentError(ValueError):
    """One or more arguments have values that cannot be meant."""


class ArgumentTypeError(TypeError):
    """One or more arguments have types that cannot be meant."""


class Report:
    """Collects what is wrong with the arguments of one call and raises it all at once.

    Args:
      function: the name of the checked function, which opens the message.
      x: the input, or its shape, or None where there is none.

    >>> report = Report("conv", (8, 32, 32, 3))
    >>> report.expect(False, "stride", 0, "must be >= 1", "use stride=1")
    False
    >>> report.done()
    Traceback (most recent call last):
    jaxcnn.checks.ArgumentError: conv: stride=0: must be >= 1; input shape (8, 32, 32, 3).
    Fix: use stride=1
    """

    def __init__(self, function: str, x: Any = None):
        self.function = function
        self.shape: Shape | None = x if isinstance(x, tuple) else getattr(x, "shape", None)
        self.problems: list[tuple[str, str, bool]] = []

    def expect(
        self, ok: bool, argument: str, value: Any, rule: str, fix: str, *, kind: bool = False
    ) -> bool:
        """Note a problem unless `ok`; `kind` marks a wrong type rather than a wrong value."""
        if not ok:
            self.problems.append((f"{argument}={_show(value)}: {rule}", fix, kind))
        return ok

    def done(self) -> None:
        """Raise one error for everything noted so far, or return when nothing was."""
        if not self.problems:
            return
        error = ArgumentTypeError if all(kind for *_, kind in self.problems) else ArgumentError
        context = "" if self.shape is None else f"input shape {self.shape}"
        if len(self.problems) == 1:
            what, fix, _ = self.problems[0]
            context = context and f"; {context}"
            raise error(f"{self.function}: {what}{context}. Fix: {fix}")
        lines = "".join(f"\n  {what}. Fix: {fix}" for what, fix, _ in self.problems)
        context = context and f" ({context})"
        raise error(f"{self.function}: {len(self.problems)} problems{context}{lines}")

    def ints(
        self, argument: str, value: Any, rank: int, *, low: int = 1, names: str = "spatial axis"
    ) -> tuple[int, ...]:
        """Return `value` as one int per axis; note a problem and return `low`s otherwise."""
        fallback = (max(low, 1),) * rank
        if is_int(value):
            entries: Sequence[Any] = (value,) * rank
        elif isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str):
            entries = tuple(value)
        else:
            self.expect(
                False, argument, value, f"must be an int or {rank} ints", "pass an int", kind=True
            )
            return fallback
        if not all(is_int(entry) for entry in entries):
            rule = "must hold ints (not floats, bools or traced values)"
            self.expect(False, argument, value, rule, "pass plain ints", kind=True)
            return fallback
        fix = f"pass one int for all axes, or {rank} of them"
        if not self.expect(
            len(entries) == rank, argument, value, f"must have one entry per {names} ({rank})", fix
        ):
            return fallback
        fix = f"use {argument}={low}" if low == 1 else f"use values from {low} up"
        if not self.expect(
            all(e >= low for e in entries), argument, value, f"must be >= {low}", fix
        ):
            return fallback
        return tuple(int(entry) for entry in entries)

    def count(self, argument: str, value: Any, *, low: int = 1) -> int:
        """Return `value` as one int that is at least `low`."""
        if not self.expect(
            is_int(value), argument, value, "must be an int", "pass one plain int", kind=True
        ):
            return low
        ok = self.expect(value >= low, argument, value, f"must be >= {low}", f"use {low} or more")
        return int(value) if ok else low

    def choice(self, argument: str, value: Any, choices: Sequence[str]) -> None:
        """Expect `value` to be one of `choices`."""
        rule = f"must be one of {', '.join(map(repr, choices))}"
        self.expect(value in choices, argument, value, rule, f"use {choices[0]!r}")

    def fraction(self, argument: str, value: Any, *, closed: bool = True) -> None:
        """Expect a number in [0, 1], or in [0, 1) unless `closed`."""
        interval = "[0, 1]" if closed else "[0, 1)"
        if self.expect(
            is_number(value), argument, value, "must be a number", "pass a float", kind=True
        ):
            ok = 0 <= value <= 1 if closed else 0 <= value < 1
            self.expect(ok, argument, value, f"must lie in {interval}", "pass a share, not percent")

    def floating(self, argument: str, array: Any) -> bool:
        """Expect an array of real or complex floating-point numbers."""
        rule = f"must be a floating-point array, got {_kind(array)}"
        fix = f"convert first, e.g. {argument}.astype(jnp.float32) / 255 for an 8-bit image"
        return self.expect(is_floating(array), argument, array, rule, fix, kind=True)


def is_int(value: Any) -> bool:
    """Whether `value` is a plain or NumPy int, and not a bool.

    >>> is_int(3), is_int(np.int64(3)), is_int(3.0), is_int(True)
    (True, True, False, False)
    """
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))


def is_number(value: Any) -> bool:
    """Whether `value` is a plain or NumPy real number.

    >>> is_number(0.5), is_number("0.5")
    (True, False)
    """
    return is_int(value) or isinstance(value, (float, np.floating))


def is_floating(array: Any) -> bool:
    """Whether `array` has a floating or complex dtype.

    >>> is_floating(np.zeros(3, np.float32)), is_floating(np.zeros(3, np.uint8)), is_floating([0.])
    (True, False, False)
    """
    return hasattr(array, "dtype") and jnp.issubdtype(array.dtype, jnp.inexact)


def looks_channel_first(shape: Shape) -> bool:
    """Whether an image batch of this shape is almost certainly NCHW instead of NHWC.

    >>> looks_channel_first((2, 3, 224, 224)), looks_channel_first((2, 224, 224, 3))
    (True, False)
    """
    if len(shape) not in (4, 5):
        return False
    channels, *spatial = shape[1:]
    return channels in (1, 3) and len(set(spatial)) == 1 and spatial[0] >= 8


def channel_last_hint(shape: Shape) -> str:
    """Return the advice for an input whose channels come first.

    >>> channel_last_hint((2, 3, 224, 224))
    'the input looks like NCHW and jaxcnn uses NHWC: pass x.transpose(0, 2, 3, 1)'
    """
    first, last = {3: ("NCW", "NWC"), 4: ("NCHW", "NHWC")}.get(len(shape), ("NCDHW", "NDHWC"))
    order = (0, *range(2, len(shape)), 1)
    return f"the input looks like {first} and jaxcnn uses {last}: pass x.transpose{order}"


@contextlib.contextmanager
def inside(layer: str) -> Iterator[None]:
    """Name the layer in which an argument error arises.

    >>> with inside("stem/drop"):
    ...     raise ArgumentError("dropout: rate=2: must lie in [0, 1]")
    Traceback (most recent call last):
    jaxcnn.checks.ArgumentError: in layer 'stem/drop': dropout: rate=2: must lie in [0, 1]
    """
    try:
        yield
    except (ArgumentError, ArgumentTypeError) as error:
        if layer:
            error.args = (f"in layer {layer!r}: {error.args[0]}",)
        raise


def _kind(array: Any) -> str:
    return str(array.dtype) if hasattr(array, "dtype") else type(array).__name__


def _show(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"<{value.dtype} array of shape {tuple(value.shape)}>"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
