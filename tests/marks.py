"""Marks of tests that many files share."""

from collections.abc import Container, Iterable
from functools import partial
from typing import Any

import pytest

slow = partial(pytest.param, marks=pytest.mark.slow)


def mostly_slow(names: Iterable[str], quick: Container[str]) -> list[Any]:
    """Return the names as parameters of a test, all but the quick ones marked slow."""
    return [name if name in quick else slow(name) for name in names]
