"""Examples that are image files, with a class each."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from jaxcnn import images
from train.data.source import spread

PROBES = 64
"""Files that are looked into where looking into all would take too long."""


@dataclass(frozen=True, eq=False)
class FileExamples:
    """Image files below one folder."""

    root: Path
    paths: Sequence[str] = field(repr=False)
    """Relative to the root."""
    labels: np.ndarray = field(repr=False)
    """int32 (n,)."""

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> dict[str, Any]:
        image = images.read(self.root / self.paths[i], mode="auto")
        return {"image": image, "label": int(self.labels[i])}

    def name(self, i: int) -> str:
        """Return the file's path."""
        return str(self.root / self.paths[i])

    @cached_property
    def channels(self) -> int:
        """3 if any of some files, evenly spaced, is a colour image, else 1."""
        found = 1
        for i in spread(len(self), PROBES):
            try:
                found = max(found, images.header(self.root / self.paths[i]).channels)
            except images.ImageError:
                continue  # Reported when it is read.
        return found

    def identity(self) -> list[Any]:
        """Return what tells these files from others: all names, sizes and labels, some contents.

        Reading every byte of a large set would take longer than its first epoch.
        """
        facts = [
            [path, (self.root / path).stat().st_size, int(label)]
            for path, label in zip(self.paths, self.labels, strict=True)
        ]
        contents = hashlib.sha256()
        for i in spread(len(self), PROBES):
            contents.update((self.root / self.paths[i]).read_bytes())
        return [facts, contents.hexdigest()]
