"""What a process has that writes nothing, because another one writes for all."""

from collections.abc import Mapping
from typing import Any


class NoLog:
    """Takes the rows of a log and forgets them."""

    def write(self, row: Mapping[str, Any]) -> None:
        """Forget a row."""

    def flush(self) -> None:
        """Do nothing."""


class NoCheckpoints:
    """Takes what is to be saved and forgets it."""

    def save(self, state: Any, host: Mapping[str, Any], *, wait: bool = False) -> None:
        """Forget a state."""

    def save_best(self, state: Any, top1: float) -> None:
        """Forget the variables."""

    def restore(self, like: Any) -> None:
        """Know of no state."""

    def poll(self) -> None:
        """Do nothing."""

    def latest(self) -> None:
        """Know of no step."""
