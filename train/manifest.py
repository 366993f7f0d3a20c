"""The seal of a folder: a hash of every file, written last and checked before anything is read.

Orbax checks the index of its arrays but not their bytes: a flipped bit would be loaded as a weight.
"""

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAME = "manifest.json"

Facts = dict[str, Any]


class Damaged(Exception):
    """A folder is not what was sealed; the message names the first file that differs, and how."""


def seal(folder: Path, facts: Facts) -> None:
    """Bring every file and folder to the disk, and write what they hold and `facts` beside them."""
    content = {
        **facts,
        "files": {name: _record(folder / name, sync=True) for name in _files(folder)},
    }
    with open(folder / NAME, "wb") as file:
        file.write(_text(content))
        file.flush()
        os.fsync(file.fileno())
    for path, _, _ in os.walk(folder, topdown=False):
        sync_folder(Path(path))


def verify(folder: Path) -> Facts:
    """Return the facts of a folder; raise `Damaged` unless every byte is as it was sealed."""
    content = _read(folder / NAME)
    expected: dict[str, Any] = content.pop("files")
    found = set(_files(folder))
    for name in sorted(expected.keys() | found):
        if name not in expected:
            raise Damaged(f"{name} does not belong to it")
        if name not in found:
            raise Damaged(f"{name} is missing")
        _compare(folder / name, name, expected[name])
    return content


def sync_folder(folder: Path) -> None:
    """Bring the entries of a folder to the disk, where its file system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # Some network file systems have no such call.
            raise
    finally:
        os.close(handle)


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() and path != folder / NAME:
            yield path.relative_to(folder).as_posix()


def _record(path: Path, *, sync: bool = False) -> dict[str, Any]:
    with open(path, "rb") as file:
        if sync:
            os.fsync(file.fileno())
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": file.tell()}


def _compare(path: Path, name: str, expected: dict[str, Any]) -> None:
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise Damaged(f"{name} has {size:,} bytes, not {expected['bytes']:,}")
    try:
        found = _record(path)["sha256"]
    except OSError as error:
        raise Damaged(f"{name} cannot be read: {error.strerror}") from error
    if found != expected["sha256"]:
        raise Damaged(f"{name} has SHA-256 {found[:12]}, not {expected['sha256'][:12]}")


def _text(content: Facts) -> bytes:
    """Return the content with a hash of its own, in one fixed spelling."""
    plain = json.dumps(content, indent=1, sort_keys=True)
    own = hashlib.sha256(plain.encode()).hexdigest()
    return json.dumps({"content": content, "sha256": own}, indent=1, sort_keys=True).encode()


def _read(path: Path) -> Facts:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Damaged(f"{NAME} cannot be read: {error.strerror}") from error
    content = None
    with contextlib.suppress(ValueError, KeyError, TypeError):
        content = json.loads(text)["content"]
    if not isinstance(content, dict) or _text(content) != text:
        raise Damaged(f"{NAME} itself is damaged")
    return content
