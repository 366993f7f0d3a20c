"""What a command that reads many files has to say: to the reader, and on what it had to skip."""

from pathlib import Path
from typing import NamedTuple

from jaxcnn.images import ImageError

SHOWN = 20
"""Skipped files that are named."""


class Answer(NamedTuple):
    """What is printed on stdout, and on stderr what was skipped, which makes the exit code 1."""

    text: str
    skipped: str = ""


def some_read(count: int, errors: dict[Path, ImageError]) -> None:
    """Raise if none of the images could be read."""
    if not count:
        first = next(iter(errors.values()))
        one = len(errors) == 1
        raise ImageError(
            str(first) if one else f"none of {len(errors)} images can be read: {first}"
        )


def skipped_lines(errors: dict[Path, ImageError]) -> str:
    """Return the message on the images that could not be read; empty where there are none."""
    lines = [f"  {error}" for error in list(errors.values())[:SHOWN]]
    if len(errors) > SHOWN:
        lines.append(f"  and {len(errors) - SHOWN:,} more")
    return "\n".join([f"skipped {len(errors):,} unreadable images:", *lines]) if errors else ""
