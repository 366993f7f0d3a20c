"""The six ways in which a file goes bad."""

import os
from collections.abc import Callable
from pathlib import Path


def flip_bit(path: Path, other: bytes) -> None:
    """Flip one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


def truncate(path: Path, other: bytes) -> None:
    """Lose the second half."""
    os.truncate(path, path.stat().st_size // 2)


def zero(path: Path, other: bytes) -> None:
    """Keep the size, lose the content."""
    path.write_bytes(bytes(path.stat().st_size))


def delete(path: Path, other: bytes) -> None:
    """Lose the file."""
    path.unlink()


def swap(path: Path, other: bytes) -> None:
    """Take the file that lies in its place in another checkpoint."""
    path.write_bytes(other)


def append(path: Path, other: bytes) -> None:
    """Add something at the end."""
    path.write_bytes(path.read_bytes() + b"garbage")


WAYS: tuple[Callable[[Path, bytes], None], ...] = (flip_bit, truncate, zero, delete, swap, append)
"""`way(path, content of the file in its place in another checkpoint)`."""


def files(folder: Path) -> list[Path]:
    """Return all files of a folder and its folders."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def counterpart(path: Path, folder: Path, other: Path) -> bytes:
    """Return what lies in the same place of another checkpoint: by name, or by order."""
    same = other / path.relative_to(folder)
    if not same.exists():
        beside = sorted(p for p in same.parent.glob("*") if p.is_file())
        order = sorted(p for p in path.parent.glob("*") if p.is_file())
        same = beside[min(order.index(path), len(beside) - 1)]
    return same.read_bytes()
