"""What opening a data source gives, before anything is decoded or cut."""

from dataclasses import dataclass
from typing import Any

from train.data.source import Examples


@dataclass(frozen=True)
class Stored:
    """The splits that a data source has of its own."""

    train: Examples
    class_names: tuple[str, ...]
    identity: Any
    """What tells this data from other data, as JSON-able values."""
    val: Examples | None = None
    test: Examples | None = None
    pixels: bool = False
    """Whether each pixel has a class, rather than each image."""
