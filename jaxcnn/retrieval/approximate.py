"""Search that looks at a part of the vectors only, by faiss: for more than exact search bears."""

import importlib
import json
from typing import Any

import numpy as np

from jaxcnn.checks import Report
from jaxcnn.retrieval import files
from jaxcnn.retrieval.entries import unit_vectors
from jaxcnn.retrieval.error import IndexFolderError
from jaxcnn.retrieval.exact import Matches
from jaxcnn.retrieval.index import Index

ENGINE, FACTS = "approximate.faiss", "approximate.json"
SAMPLES = 64
"""Training vectors for each list."""


class Approximate:
    """An inverted file of an index's vectors, which a query reads in part.

    The vectors are put into lists by their nearest of some centres (k-means); a query looks into
    the `probes` lists whose centres are nearest to it, and computes exact cosines there. More
    probes find more and take longer: `tune` chooses as few as a wanted recall needs.

    It is of one state of the index: when the index has changed, it is made anew.

    Attributes:
      probes: Lists that a query looks into.

    Raises:
      ModuleNotFoundError: If faiss is not installed: `pip install 'jaxcnn[search]'`.

    Source: Jégou et al. 2011, "Product quantization for nearest neighbor search", section 4.1
    (the inverted file, here without quantization); Douze et al. 2024, "The Faiss library".

    Example:
      >>> index = Index.open("index")  # doctest: +SKIP
      >>> approximate = Approximate.build(index)  # doctest: +SKIP
      >>> approximate.tune(index, queries, recall=0.98)  # doctest: +SKIP
      0.991
      >>> approximate.search(queries, k=10).ids.shape  # doctest: +SKIP
      (1000, 10)
    """

    def __init__(self, engine: Any, ids: np.ndarray, state: str):
        self._engine, self._ids, self._state = engine, ids, state

    @classmethod
    def build(cls, index: Index, *, lists: int | None = None, seed: int = 0) -> "Approximate":
        """Put the vectors of an index into lists.

        Args:
          index: The index.
          lists: Number of lists, 1 to N; None for 4 times the root of N.
          seed: Of the k-means.

        Returns:
          The inverted file, which looks into one list of 16.

        Raises:
          ValueError: If the index is empty or has fewer vectors than lists.
        """
        faiss = library()
        count = len(index)
        lists = max(1, min(round(4 * count**0.5), count // 8)) if lists is None else lists
        report = Report("Approximate.build")
        report.expect(count > 0, "index", str(index.folder), "is empty", "add vectors first")
        report.count("lists", lists)
        fits = lists <= max(count, 1)
        report.expect(fits, "lists", lists, f"must be at most the {count} vectors", "use fewer")
        report.done()
        ids = index.ids
        vectors = index.vectors(ids)
        quantizer = faiss.IndexFlatIP(index.dim)
        engine = faiss.IndexIVFFlat(quantizer, index.dim, lists, faiss.METRIC_INNER_PRODUCT)
        engine.cp.spherical, engine.cp.seed = True, seed  # the centres too have length 1
        engine.cp.min_points_per_centroid = 1
        chosen = np.random.default_rng(seed).permutation(count)[: SAMPLES * lists]
        engine.train(vectors[np.sort(chosen)])
        engine.add(vectors)
        engine.nprobe = max(1, lists // 16)
        return cls(engine, ids, index.state)

    @property
    def lists(self) -> int:
        """Number of lists."""
        return self._engine.nlist

    @property
    def probes(self) -> int:
        """Lists that a query looks into."""
        return self._engine.nprobe

    @probes.setter
    def probes(self, value: int) -> None:
        report = Report("Approximate")
        probes = report.count("probes", value)
        report.done()
        self._engine.nprobe = min(probes, self.lists)

    def search(self, queries: Any, k: int) -> Matches:
        """Return k vectors with large cosines for each query; what is not looked at is missed.

        Args:
          queries: (Q, D), floating-point, of any length but zero.
          k: How many, 1 to the number of vectors.

        Returns:
          Cosines and numbers (Q, k), the best first; where the lists held fewer, -inf and -1.

        Raises:
          ValueError: If shapes do not fit.
        """
        report = Report("Approximate.search")
        report.count("k", k)
        rule = f"there are {len(self._ids)} vectors"
        report.expect(k <= len(self._ids), "k", k, rule, f"use k={len(self._ids)} or less")
        report.done()
        queries = unit_vectors("Approximate.search", "queries", queries, self._engine.d)
        scores, places = self._engine.search(queries, k)
        found = places >= 0
        return Matches(np.where(found, scores, -np.inf), np.where(found, self._ids[places], -1))

    def tune(self, index: Index, queries: Any, *, recall: float = 0.98, k: int = 10) -> float:
        """Choose the fewest probes, doubling, that find what exact search finds.

        Args:
          index: The index it was made of.
          queries: Some typical ones, (Q, D); others than those that are measured later.
          recall: Share of the k best that must be found on average, in [0, 1].
          k: How many are looked at.

        Returns:
          The share that was found.

        Raises:
          ValueError: If `recall` is no share, or the index has changed.
        """
        report = Report("Approximate.tune")
        report.fraction("recall", recall)
        report.done()
        self.check(index)
        exact = index.search(queries, k)
        self.probes = 1
        while True:
            share = overlap(self.search(queries, k).ids, exact.ids)
            if share >= recall or self.probes >= self.lists:
                return share
            self.probes *= 2

    def check(self, index: Index) -> None:
        """Raise unless it is of the present state of an index."""
        if index.state != self._state:
            raise IndexFolderError(
                f"{index.folder}: has changed since its approximate index was made; build it anew"
            )

    def save(self, index: Index) -> None:
        """Write it into the folder of its index.

        Args:
          index: The index it was made of.

        Raises:
          IndexFolderError: If the index has changed.
        """
        faiss = library()
        self.check(index)
        data = faiss.serialize_index(self._engine)
        stamp = files.write(index.folder / ENGINE, lambda file: file.write(data.tobytes()))
        facts = {"state": self._state, "probes": self.probes, "file": stamp}
        text = json.dumps(facts).encode()
        files.write(index.folder / FACTS, lambda file: file.write(text))

    @classmethod
    def open(cls, index: Index) -> "Approximate":
        """Open what `save` wrote; lists are memory-mapped.

        Args:
          index: Its index.

        Returns:
          The inverted file.

        Raises:
          IndexFolderError: If there is none, it is damaged, or the index has changed.
        """
        faiss = library()
        path = index.folder / FACTS
        try:
            facts = json.loads(path.read_bytes())
            whole = files.Stamp(*facts["file"]) == files.stamp(index.folder / ENGINE)
        except (OSError, ValueError, KeyError, TypeError):
            whole, facts = False, {}
        if not whole:
            raise IndexFolderError(
                f"{index.folder}: has no approximate index, or a damaged one; build it anew"
            )
        engine = faiss.read_index(str(index.folder / ENGINE), faiss.IO_FLAG_MMAP)
        found = cls(engine, index.ids, facts["state"])
        found.check(index)
        found.probes = facts["probes"]
        return found


def library() -> Any:
    """Return faiss, which has no types."""
    return importlib.import_module("faiss")


def overlap(found: np.ndarray, exact: np.ndarray) -> float:
    """Return the share of the exact answers (Q, k) that were found.

    >>> overlap(np.array([[1, 2]]), np.array([[2, 3]]))
    0.5
    """
    same = (found[:, :, None] == exact[:, None, :]).any(1)
    return float(same.mean())
