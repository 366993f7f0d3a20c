"""What an index holds at one moment, read from its files; vectors are only mapped."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxcnn.checks import Report
from jaxcnn.retrieval.manifest import Manifest


class Content:
    """The files of an index as arrays.

    Attributes:
      parts: Vectors (N, D) of each segment, memory-mapped.
      ids: Numbers of all vectors; they grow, so that one is found by bisection.
      names: Their names.
      digests: What tells their content, or empty texts.
      alive: Which have not been deleted.
      arrays: Arrays that belong to the index.
    """

    def __init__(self, folder: Path, state: Manifest):
        rows = [json.loads((folder / part.rows).read_bytes()) for part in state.segments]
        self.parts = [np.load(folder / part.vectors, mmap_mode="r") for part in state.segments]
        self.ids = np.array([i for row in rows for i in row["ids"]], np.int64)
        self.names: list[str] = [name for row in rows for name in row["names"]]
        self.digests: list[str] = [digest for row in rows for digest in row["digests"]]
        gone = np.load(folder / state.deleted) if state.deleted else np.zeros(0, np.int64)
        self.alive = ~np.isin(self.ids, gone)
        self.arrays: dict[str, np.ndarray] = {}
        if state.arrays:
            with np.load(folder / state.arrays) as found:
                self.arrays = dict(found)

    def living(self, values: list[str]) -> list[str]:
        """Return those of some values, one a vector, whose vectors have not been deleted."""
        return [value for value, here in zip(values, self.alive, strict=True) if here]

    def places(self, numbers: np.ndarray) -> np.ndarray:
        """Return where vectors are among all, by their numbers (n,)."""
        places = np.minimum(np.searchsorted(self.ids, numbers), max(len(self.ids) - 1, 0))
        known = self.ids[places] == numbers if len(self.ids) else np.zeros(len(numbers), bool)
        report = Report("Index")
        fix = "use numbers that search or add returned"
        report.expect(bool(np.all(known)), "numbers", numbers, "are not all in the index", fix)
        report.done()
        return places

    def gather(self, numbers: Any, dim: int) -> np.ndarray:
        """Return vectors (..., D) by their numbers (...)."""
        numbers = np.asarray(numbers, np.int64)
        places, first = self.places(numbers.ravel()), 0
        found = np.empty((len(places), dim), np.float32)
        for part in self.parts:
            own = (places >= first) & (places < first + len(part))
            found[own] = part[places[own] - first]
            first += len(part)
        return found.reshape(*numbers.shape, dim)
