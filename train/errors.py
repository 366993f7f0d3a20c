"""The errors that a person can mend, and the exit codes by which a script can tell them apart."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

OK = 0
USAGE = 2
INTERNAL = 70
RESTART = 75
NON_FINITE = 76
STALLED = 124
INTERRUPTED = 130
PREEMPTED = 143


class UserError(Exception):
    """Something outside the program is wrong: the message says what, and how to mend it.

    The command line prints the message without a traceback and leaves with `exit_code`.
    """

    def __init__(self, message: str, exit_code: int = USAGE):
        super().__init__(message)
        self.exit_code = exit_code


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return a line for each key whose value differs.

    >>> differences({"seed": 0, "length": "1 epochs"}, {"seed": 3, "length": "1 epochs"})
    ['  seed: was 0, is 3']
    """
    return [
        f"  {key}: was {old.get(key)!r}, is {new.get(key)!r}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not known, with the nearest ones that are.

    >>> str(unknown("config", "digts", ["digits", "fashion_mnist_cnn"]))
    "unknown config 'digts'; did you mean 'digits'? Known: digits, fashion_mnist_cnn"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    return UserError(f"unknown {kind} {name!r}{hint} Known: {', '.join(names)}")
