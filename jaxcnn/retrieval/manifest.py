"""What an index consists of, in one file: whatever it does not name is not there.

A change writes new files first and then replaces the manifest, in one step of the file system.
So an interrupted change leaves the index as it was, with files that nothing names.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxcnn.retrieval import files
from jaxcnn.retrieval.error import IndexFolderError

FORMAT = 1
NAME = "manifest.json"
OURS = ("vectors-", "rows-", "deleted-", "arrays-", NAME)
"""How the names of an index's files begin."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """Vectors that came together: one file of them, and one of their numbers and names."""

    vectors: str
    rows: str
    count: int


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The state of an index.

    Attributes:
      dim: Coordinates of a vector.
      about: What made the vectors.
      notes: What else is to be known, and is not compared.
      arrays: File of arrays that belong to it, or empty.
      segments: The vectors, in order.
      deleted: File with the numbers of what is no longer there, or empty.
      next_id: The number of the next vector; no number is given twice.
      next_file: The number of the next file.
      stamps: Size and hash of every file.
    """

    dim: int
    about: dict[str, Any]
    notes: dict[str, Any] = dataclasses.field(default_factory=dict)
    arrays: str = ""
    segments: tuple[Segment, ...] = ()
    deleted: str = ""
    next_id: int = 0
    next_file: int = 0
    stamps: dict[str, files.Stamp] = dataclasses.field(default_factory=dict)

    @property
    def state(self) -> str:
        """A hash of all this, which changes with every change."""
        return hashlib.sha256(json.dumps(self.content(), sort_keys=True).encode()).hexdigest()

    def content(self) -> dict[str, Any]:
        """Return everything as JSON knows it."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    def with_file(self, folder: Path, kind: str, ending: str, fill: Any) -> "tuple[Manifest, str]":
        """Write a new file; return the manifest that knows it, and its name."""
        name = f"{kind}-{self.next_file:06d}{ending}"
        stamps = {**self.stamps, name: files.write(folder / name, fill)}
        return dataclasses.replace(self, stamps=stamps, next_file=self.next_file + 1), name

    def only_used(self) -> "Manifest":
        """Return the manifest without files that nothing refers to."""
        used = {self.arrays, self.deleted}
        used |= {name for part in self.segments for name in (part.vectors, part.rows)}
        kept = {name: stamp for name, stamp in self.stamps.items() if name in used}
        return dataclasses.replace(self, stamps=kept)

    def write(self, folder: Path) -> None:
        """Make this the state of the index, and remove files of which it knows nothing."""
        text = json.dumps({**self.content(), "sha256": self.state}, indent=1)
        files.write(folder / NAME, lambda file: file.write(text.encode()))
        self.clean(folder)

    def clean(self, folder: Path) -> None:
        """Remove what an interrupted change has left."""
        for path in folder.iterdir():
            if path.name.startswith(OURS) and path.name not in {NAME, *self.stamps}:
                path.unlink()

    def verify(self, folder: Path, *, deep: bool) -> None:
        """Raise unless every file is there, with its size and, if `deep`, its content."""
        wrong = []
        for name, known in self.stamps.items():
            path = folder / name
            if not path.is_file():
                wrong.append(f"{name} is missing")
            elif path.stat().st_size != known.size:
                wrong.append(f"{name} has {path.stat().st_size:,} bytes instead of {known.size:,}")
            elif deep and files.stamp(path) != known:
                wrong.append(f"{name} has another content than when it was written")
        if wrong:
            lines = "".join(f"\n  {line}" for line in wrong)
            raise IndexFolderError(
                f"{folder}: {len(wrong)} files are damaged, restore them or build it anew{lines}"
            )


def read(folder: Path) -> Manifest:
    """Return the state of an index.

    Raises:
      IndexFolderError: If there is none, or it was changed by something else.
    """
    path = folder / NAME
    if not path.is_file():
        fix = "build it first, or name the folder of an index"
        raise IndexFolderError(f"{folder}: is no index, it has no {NAME}; {fix}")
    try:
        data = json.loads(path.read_bytes())
        known, version = data.pop("sha256"), data.pop("format")
        if version != FORMAT:
            raise IndexFolderError(
                f"{folder}: has format {version!r} and this version reads {FORMAT}; build it anew"
            )
        manifest = parse(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, IndexFolderError):
            raise
        raise IndexFolderError(f"{path}: is damaged ({error}); restore it or build anew") from None
    if manifest.state != known:
        raise IndexFolderError(
            f"{path}: is damaged, its content is not that of its hash; restore it or build it anew"
        )
    return manifest


def parse(data: Mapping[str, Any]) -> Manifest:
    """Return a manifest of what JSON holds."""
    segments = tuple(Segment(**part) for part in data["segments"])
    stamps = {name: files.Stamp(*stamp) for name, stamp in data["stamps"].items()}
    return Manifest(**{**data, "segments": segments, "stamps": stamps})


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they come back from JSON."""
    return json.loads(json.dumps(dict(values)))


def save_arrays(file: Any, arrays: dict[str, Any]) -> None:
    """Write arrays by their names."""
    np.savez(file, **arrays)
