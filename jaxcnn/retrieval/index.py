"""An index of vectors in a folder: added to, deleted from and searched, never left damaged."""

import contextlib
import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.checks import Report
from jaxcnn.retrieval import files, manifest
from jaxcnn.retrieval.content import Content
from jaxcnn.retrieval.entries import check_names, unit_vectors
from jaxcnn.retrieval.error import IndexFolderError
from jaxcnn.retrieval.exact import Matches, search
from jaxcnn.retrieval.fingerprint import expect_same
from jaxcnn.retrieval.manifest import Manifest, Segment, plain, save_arrays

Arrays = Mapping[str, np.ndarray]


class Index:
    """Vectors with names, in a folder, searched by cosine.

    Vectors lie in memory-mapped files, so that opening costs little and several processes share
    them. Every vector has a number that stays its own. `add`, `delete` and `merge` write new
    files and then replace the manifest in one step: an interrupted one leaves the index as it
    was. Writers wait for each other; who reads goes on with the state that was opened.

    Attributes:
      folder: Where it is.
      about: What made the vectors, as given to `create`.

    Example:
      >>> import tempfile
      >>> folder = tempfile.mkdtemp() + "/index"
      >>> index = Index.create(folder, 2, {"model": "none"})
      >>> index.add(np.array([[1.0, 0.0], [0.0, 2.0]]), ["a.jpg", "b.jpg"]).tolist()
      [0, 1]
      >>> found = Index.open(folder).search(np.array([[3.0, 4.0]]), k=2)
      >>> [index.name(i) for i in found.ids[0]], found.scores.round(1).tolist()
      (['b.jpg', 'a.jpg'], [[0.800000011920929, 0.6000000238418579]])
    """

    def __init__(self, folder: Path, state: Manifest):
        self.folder = folder
        self._load(state)

    @classmethod
    def create(
        cls,
        folder: str | Path,
        dim: int,
        about: Mapping[str, Any],
        *,
        notes: Mapping[str, Any] | None = None,
        arrays: Arrays | None = None,
    ) -> "Index":
        """Make an empty index.

        Args:
          folder: A folder that is empty or does not exist.
          dim: Coordinates of a vector, >= 1.
          about: What makes the vectors, such as `fingerprint` returns it; as JSON knows it.
          notes: What else is to be known, as JSON knows it; it is not compared.
          arrays: Arrays that queries need, kept with the index.

        Returns:
          The index.

        Raises:
          IndexFolderError: If the folder is taken.
          ValueError: If `dim` is not positive.
        """
        report = Report("Index.create")
        report.count("dim", dim)
        report.done()
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        taken = [path.name for path in folder.iterdir() if path.name != files.LOCK]
        with files.locked(folder):
            if taken:
                fix = "name another folder, or open the index in it"
                raise IndexFolderError(f"{folder}: is not empty (it holds {taken[0]}); {fix}")
            state = Manifest(int(dim), plain(about), plain(notes or {}))
            if arrays:
                fill = functools.partial(save_arrays, arrays=dict(arrays))
                state, name = state.with_file(folder, "arrays", ".npz", fill)
                state = dataclasses.replace(state, arrays=name)
            state.write(folder)
        return cls(folder, state)

    @classmethod
    def open(cls, folder: str | Path, *, verify: bool = True) -> "Index":
        """Open an index.

        Args:
          folder: Where it is.
          verify: Whether every file is hashed; else only its size is looked at.

        Returns:
          The index.

        Raises:
          IndexFolderError: If there is none, or a file is missing or damaged: all are told.
        """
        folder = Path(folder)
        state = manifest.read(folder)
        state.verify(folder, deep=verify)
        return cls(folder, state)

    def _load(self, state: Manifest) -> None:
        self._state, self.about = state, state.about
        self._content = Content(self.folder, state)
        self._resident: list[Any] | None = None

    def __len__(self) -> int:
        """Return the number of vectors that can be found."""
        return int(self._content.alive.sum())

    @property
    def segments(self) -> int:
        """Files of vectors, which `merge` makes one."""
        return len(self._content.parts)

    @property
    def dim(self) -> int:
        """Coordinates of a vector."""
        return self._state.dim

    @property
    def notes(self) -> dict[str, Any]:
        """The notes that were given to `create`."""
        return self._state.notes

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that were given to `create`."""
        return self._content.arrays

    @property
    def state(self) -> str:
        """A hash of its content, which every change changes."""
        return self._state.state

    @property
    def ids(self) -> np.ndarray:
        """The numbers of all vectors that can be found, growing, int64 (N,)."""
        return self._content.ids[self._content.alive]

    @property
    def names(self) -> list[str]:
        """Their names, in the order of `ids`."""
        return self._content.living(self._content.names)

    @property
    def digests(self) -> list[str]:
        """What was given with them to tell their content, in the order of `ids`."""
        return self._content.living(self._content.digests)

    def name(self, number: int) -> str:
        """Return the name of a vector."""
        return self._content.names[int(self._content.places(np.array([number]))[0])]

    def vectors(self, numbers: Any) -> np.ndarray:
        """Return vectors by their numbers: of (...,) numbers (..., D), float32."""
        return self._content.gather(numbers, self.dim)

    def search(self, queries: Any, k: int, *, about: Mapping[str, Any] | None = None) -> Matches:
        """Return the k vectors with the largest cosines for each query, exactly.

        Args:
          queries: (Q, D), floating-point, of any length but zero.
          k: How many, 1 to the number of vectors.
          about: What made the queries; refused unless it is what made the vectors.

        Returns:
          Cosines and numbers, (Q, k), the best first.

        Raises:
          IndexFolderError: If the queries were made otherwise: both fingerprints are told.
          ValueError: If shapes do not fit, or the index has not k vectors.
        """
        if about is not None:
            self.check(about)
        queries = unit_vectors("Index.search", "queries", queries, self.dim)
        parts: list[Any] = self._content.parts
        if jax.default_backend() != "cpu":
            self._resident = self._resident or [jnp.asarray(part) for part in parts]
            parts = self._resident
        found = search(queries, parts, k, alive=self._content.alive)
        return Matches(found.scores, self._content.ids[found.ids])

    def check(self, about: Mapping[str, Any]) -> None:
        """Raise unless vectors made so can be compared with those of the index.

        Args:
          about: What made them, as `fingerprint` returns it.

        Raises:
          IndexFolderError: If anything differs: all of it is told.
        """
        expect_same(self.folder, plain(about), self.about)

    def add(
        self, vectors: Any, names: Sequence[str], *, digests: Sequence[str] | None = None
    ) -> np.ndarray:
        """Add vectors, all or none of them.

        Args:
          vectors: (N, D), floating-point, of any length but zero; kept with length 1.
          names: A name for each, such as the path of its file; no name is given twice.
          digests: A hash of the content of each, so that equal contents are found.

        Returns:
          Their numbers, int64 (N,).

        Raises:
          ValueError: If shapes do not fit, a vector is zero or not finite, or a name is taken.
        """
        vectors = unit_vectors("Index.add", "vectors", vectors, self.dim)
        with self._changing():
            check_names(self.names, len(vectors), names, digests)
            state, ids = self._state, self._state.next_id + np.arange(len(vectors))
            rows = {"ids": ids.tolist(), "names": list(names)}
            rows["digests"] = list(digests) if digests is not None else [""] * len(vectors)
            self._append(state, vectors, rows, state.segments)
        return ids

    def delete(self, names: Sequence[str]) -> int:
        """Make vectors unfindable; `merge` frees their space.

        Args:
          names: Their names.

        Returns:
          How many there were.

        Raises:
          ValueError: If a name is not in the index.
        """
        with self._changing():
            content = self._content
            places = {n: i for i, n in enumerate(content.names) if content.alive[i]}
            unknown = [name for name in names if name not in places]
            report = Report("Index.delete")
            rule = f"{len(unknown)} names are not in the index, such as {unknown[:1]}"
            report.expect(not unknown, "names", list(names), rule, "see index.names")
            report.done()
            gone = ~content.alive
            gone[[places[name] for name in names]] = True
            state, name = self._state.with_file(
                self.folder, "deleted", ".npy", lambda file: np.save(file, content.ids[gone])
            )
            self._replace(dataclasses.replace(state, deleted=name))
        return len(set(names))

    def merge(self) -> None:
        """Make one file of all vectors that can be found; their numbers stay."""
        with self._changing():
            if len(self._content.parts) < 2 and self._content.alive.all():
                return
            rows = {"ids": self.ids.tolist(), "names": self.names, "digests": self.digests}
            empty = dataclasses.replace(self._state, deleted="")
            self._append(empty, self.vectors(self.ids), rows, ())

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep other writers out, and see what they have done meanwhile."""
        with files.locked(self.folder):
            current = manifest.read(self.folder)
            if current != self._state:
                self._load(current)
            yield

    def _append(
        self, state: Manifest, vectors: np.ndarray, rows: Any, before: tuple[Segment, ...]
    ) -> None:
        """Write a segment, and make the state that has it that of the index."""
        state, first = state.with_file(
            self.folder, "vectors", ".npy", lambda file: np.save(file, vectors)
        )
        text = json.dumps(rows).encode()
        state, second = state.with_file(self.folder, "rows", ".json", lambda f: f.write(text))
        segments = (*before, Segment(first, second, len(vectors)))
        following = max(state.next_id, 1 + max(rows["ids"], default=-1))
        self._replace(dataclasses.replace(state, segments=segments, next_id=following))

    def _replace(self, state: Manifest) -> None:
        """Make a state that of the index; from here on it is changed."""
        state = state.only_used()
        state.write(self.folder)
        self._load(state)
