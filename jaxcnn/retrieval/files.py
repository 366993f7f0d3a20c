"""Files that are whole or not there, and whose content is known by its hash."""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

LOCK = "lock"


class Stamp(NamedTuple):
    """Size and hash of a file.

    >>> Stamp(3, "ab").size
    3
    """

    size: int
    sha256: str


def stamp(path: Path) -> Stamp:
    """Return size and hash of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Stamp(file.tell(), digest)


def write(path: Path, fill: Callable[[BinaryIO], object]) -> Stamp:
    """Write a file so that it has its name only when it is whole and on the disk."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        fill(file)
        file.flush()
        os.fsync(file.fileno())
    written = stamp(part)
    os.replace(part, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return written


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other writers out; a process that dies lets go."""
    with (folder / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
