"""How much of the time a program waits for its data."""

import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class StallMeter(Generic[T]):
    """An iterator that passes another one on and measures how long it was waited for.

    The first item is not counted: it starts threads and processes.
    """

    def __init__(self, iterator: Iterator[T], clock: Callable[[], float] = time.perf_counter):
        self._iterator, self._clock = iterator, clock
        self._began: float | None = None
        self.waited = 0.0
        """Seconds spent in `next`, since the first item or `reset`."""

    def __iter__(self) -> "StallMeter[T]":
        return self

    def __next__(self) -> T:
        before = self._clock()
        item = next(self._iterator)
        after = self._clock()
        if self._began is None:
            self._began = after
        else:
            self.waited += after - before
        return item

    @property
    def elapsed(self) -> float:
        """Seconds since the first item or `reset`."""
        return 0.0 if self._began is None else self._clock() - self._began

    @property
    def share(self) -> float:
        """Part of the elapsed time that was spent waiting, in [0, 1]."""
        elapsed = self.elapsed
        return self.waited / elapsed if elapsed > 0 else 0.0

    def reset(self) -> None:
        """Measure anew from now on."""
        self.waited = 0.0
        if self._began is not None:
            self._began = self._clock()
