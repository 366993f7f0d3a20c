"""The k best so far of each query, while blocks of scores go by."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxcnn.typing import Array


class Kept(NamedTuple):
    """Scores and numbers (Q, k) on the device."""

    scores: Array
    ids: Array


class Best:
    """Scores and numbers (Q, k) on the host, the best first.

    >>> best = Best(1, 2)
    >>> scores = np.array([[0.1, 0.7, 0.3, 0.5]], np.float32)
    >>> best.add(10, scores, scores.reshape(1, 2, 2).max(1))
    >>> best.ids.tolist()
    [[11, 13]]
    """

    def __init__(self, queries: int, k: int):
        self.scores = np.full((queries, k), -np.inf, np.float32)
        self.ids = np.full((queries, k), -1, np.int64)

    def add(self, start: int, scores: Any, tops: Any) -> None:
        """Take in a block.

        Args:
          start: Number of its first vector.
          scores: (Q', B), of which the first Q rows are queries.
          tops: (Q', G), the largest of every G-th score.
        """
        count, k = self.scores.shape
        tops = np.asarray(tops)[:count]
        if k > tops.shape[1] // 2:
            return self._add_all(start, scores)
        # The k-th largest of the groups' maxima bounds the k-th score from below, as do those of
        # the blocks before.
        bound = np.maximum(np.partition(tops, -k)[:, -k], self.scores[:, -1])
        rows, groups = np.nonzero(tops >= bound[:, None])
        found = np.asarray(scores)[:count].reshape(count, -1, tops.shape[1])[rows, :, groups]
        hits, place = np.nonzero(found >= bound[rows, None])
        ids = start + place * tops.shape[1] + groups[hits]
        return self._merge(rows[hits], found[hits, place], ids)

    def _add_all(self, start: int, scores: Any) -> None:
        """Take in a block of which more is wanted than groups can tell."""
        count, k = self.scores.shape
        found, place = jax.lax.top_k(scores[:count], min(k, scores.shape[1]))
        rows = np.repeat(np.arange(count), found.shape[1])
        self._merge(rows, np.asarray(found).ravel(), start + np.asarray(place, np.int64).ravel())

    def _merge(self, rows: np.ndarray, scores: np.ndarray, ids: np.ndarray) -> None:
        """Keep the best of those so far and of candidates, the k of each row."""
        count, k = self.scores.shape
        real = scores > -np.inf
        rows = np.concatenate([np.repeat(np.arange(count), k), rows[real]])
        scores = np.concatenate([self.scores.ravel(), scores[real]])
        ids = np.concatenate([self.ids.ravel(), ids[real]])
        order = np.lexsort((ids, -scores, rows))
        rows = rows[order]
        first = np.searchsorted(rows, np.arange(count))
        order = order[first[:, None] + np.arange(k)]
        self.scores, self.ids = scores[order], ids[order]
