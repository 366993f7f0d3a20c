"""Vectors that are nearly the same, in groups."""

from collections import defaultdict
from typing import Any

import numpy as np

from jaxcnn.checks import Report
from jaxcnn.retrieval.exact import search


def near_duplicates(vectors: Any, *, threshold: float = 0.99, most: int = 32) -> list[list[int]]:
    """Return groups of vectors that are joined by cosines of at least `threshold`.

    Two vectors are in one group if a chain of such pairs leads from one to the other. Each is
    compared with all, and its `most` nearest are looked at; so a group is never cut, unless more
    than `most` equal ones hide a link.

    Args:
      vectors: (N, D), of length 1, such as `index.vectors(index.ids)`.
      threshold: Smallest cosine of a pair, in (0, 1].
      most: Neighbours that are looked at, >= 2.

    Returns:
      Positions of the members, for each group of two or more, growing.

    Raises:
      ValueError: If a number cannot be meant.
      TypeError: If `vectors` is not floating-point.

    Example:
      >>> near_duplicates(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32))
      [[0, 2]]
    """
    report = Report("near_duplicates", vectors)
    report.expect(0 < threshold <= 1, "threshold", threshold, "must lie in (0, 1]", "use 0.99")
    report.count("most", most, low=2)
    report.done()
    if len(vectors) < 2:
        return []
    found = search(vectors, vectors, min(most, len(vectors)))
    rows, columns = np.nonzero(found.scores >= threshold - 1e-6)  # rounding in the products
    return groups(len(vectors), rows, found.ids[rows, columns])


def equal_contents(digests: list[str]) -> list[list[int]]:
    """Return groups of positions with the same digest; empty ones are unknown.

    Args:
      digests: Hashes of contents, such as `index.digests`.

    Returns:
      Positions of the members, for each group of two or more, growing.

    Example:
      >>> equal_contents(["a", "b", "a", "", ""])
      [[0, 2]]
    """
    found = defaultdict(list)
    for place, digest in enumerate(digests):
        if digest:
            found[digest].append(place)
    return [members for members in found.values() if len(members) > 1]


def groups(count: int, first: np.ndarray, second: np.ndarray) -> list[list[int]]:
    """Return the connected parts of a graph with two vertices or more.

    >>> groups(5, np.array([0, 3]), np.array([3, 4]))
    [[0, 3, 4]]
    """
    root = np.arange(count)

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]  # halve the way for the next
            i = root[i]
        return i

    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        low, high = sorted((find(a), find(b)))
        root[high] = low
    members = defaultdict(list)
    for i in range(count):
        members[find(i)].append(i)
    return [found for found in members.values() if len(found) > 1]
