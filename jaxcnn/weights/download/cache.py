"""The folder where downloaded files are kept, and its rules: verified, whole, one writer."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from jaxcnn.weights.error import WeightsError

VARIABLE = "JAXCNN_CACHE"


def cache_folder() -> Path:
    """Return the folder where weights are kept, which need not exist yet.

    It is `weights` in the folder that the environment variable `JAXCNN_CACHE` names, else in
    `$XDG_CACHE_HOME/jaxcnn`, else in `~/.cache/jaxcnn`.

    Returns:
      An absolute path.

    Example:
      >>> cache_folder().name
      'weights'
    """
    if given := os.environ.get(VARIABLE):
        root = Path(given).expanduser()
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "jaxcnn"
    return root.absolute() / "weights"


def cached_path(file: str) -> Path:
    """Return where in the cache a file of this name lies.

    Raises:
      WeightsError: If the name leads out of the cache.

    >>> cached_path("resnet18-f37072fd.pth").name
    'resnet18-f37072fd.pth'
    >>> cached_path("../resnet18.pth")
    Traceback (most recent call last):
    jaxcnn.weights.error.WeightsError: '../resnet18.pth' is no plain name of a file...
    """
    if file in ("", ".", "..") or set(file) & set("/\\:\0"):
        raise WeightsError(f"{file!r} is no plain name of a file, and would lead out of the cache")
    return cache_folder() / file


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verified(path: Path, sha256: str) -> bool:
    """Whether the file is there and has this SHA-256, or one that begins so."""
    return path.is_file() and digest(path).startswith(sha256)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time write this file; the others wait.

    The system frees the lock of a process that dies. The lock file stays: to remove it would let
    a third process lock a new one while a second holds the old one.
    """
    with open(path.with_name(f"{path.name}.lock"), "a+b") as file:
        _lock(file.fileno())
        yield  # Closing the file frees the lock.


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        while True:
            with contextlib.suppress(OSError):  # It gives up after ten seconds.
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)
