"""Exact search: all inner products, block by block, of which only the best are kept."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.checks import Report, is_floating
from jaxcnn.retrieval.best import Best, Kept
from jaxcnn.typing import Array

QUERIES = 512
"""Queries at once."""
BLOCK = 8192
"""Vectors at once: with 512 queries 16 MB of scores."""
SORTED = 1 << 25
"""Scores that are sorted at once where nearly all are wanted."""
GROUPS = 128
"""Groups of a block, of which on CPUs only those are read that hold a candidate."""


class Matches(NamedTuple):
    """The k best of each of Q queries, the best first.

    >>> Matches(np.array([[0.9, 0.1]]), np.array([[4, 7]])).ids[0].tolist()
    [4, 7]
    """

    scores: np.ndarray
    """Inner products, cosines for vectors of length 1; float32 (Q, k)."""
    ids: np.ndarray
    """Which vectors, int64 (Q, k); equal scores in the order of their numbers."""


def search(
    queries: Any, vectors: Any, k: int, *, alive: Any = None, on_host: bool | None = None
) -> Matches:
    """Return the k vectors with the largest inner products, exactly, for each query.

    Blocks of vectors are multiplied with all queries and forgotten, so that memory does not grow
    with the number of vectors: a memory-mapped array is read once from end to end. On GPUs and
    TPUs the best so far stay on the device, and a `jax.Array` is not moved. CPUs are slow at
    top-k: there the largest score of each of 128 groups is compared with the k-th best so far,
    and only the few groups beyond it are looked into.

    Args:
      queries: (Q, D), floating-point.
      vectors: (N, D), a NumPy or JAX array; or a list of such arrays, numbered through.
      k: How many, 1 to N, or to the number of those alive.
      alive: Which vectors may be found, bool (N,); None for all.
      on_host: Whether the best are selected on the host; None for what suits the platform.

    Returns:
      Scores and numbers, (Q, k).

    Raises:
      ValueError: If shapes do not fit, or there are not k vectors.
      TypeError: If an array is not floating-point.

    Source: Johnson et al. 2017, "Billion-scale similarity search with GPUs", section 3.2, for
    the two steps of exact search: products in blocks, selection.

    Example:
      >>> vectors = np.eye(4, dtype=np.float32)
      >>> found = search(vectors[2:3] + 0.5 * vectors[:1], vectors, k=2)
      >>> found.ids.tolist(), found.scores.tolist()
      ([[2, 0]], [[1.0, 0.5]])
    """
    parts = vectors if isinstance(vectors, Sequence) else [vectors]
    parts = [part for part in parts if len(part)]
    allowed = None if alive is None else np.asarray(alive, bool)
    check(queries, parts, k, allowed)
    host = jax.default_backend() == "cpu" if on_host is None else on_host
    total = sum(map(len, parts))
    sort = 4 * k >= total  # so much is wanted that everything may be sorted
    step = max(1, min(QUERIES, SORTED // total)) if sort else QUERIES
    rows = [queries[start : start + step] for start in range(0, len(queries), step)]
    method = functools.partial(_sorted, total=total) if sort else _host if host else _device
    # Another number of queries up to the same power of two is no other program.
    found = [method(padded_rows(q), len(q), parts, k, allowed) for q in rows]
    return Matches(*(np.concatenate(both) for both in zip(*found, strict=True)))


def _host(
    queries: Array, real: int, parts: Sequence[Any], k: int, alive: np.ndarray | None
) -> Matches:
    """Return the best for some queries, of which the first `real` are no filling."""
    best, waiting = Best(real, k), None
    for start, x, mask in blocks(parts, len(queries), alive):
        scored = _scores(queries, x, mask)
        # While the device multiplies this block, the host selects from the one before.
        if waiting is not None:
            best.add(*waiting)
        waiting = start, *scored
    if waiting is not None:
        best.add(*waiting)
    return Matches(best.scores, best.ids)


def _device(
    queries: Array, real: int, parts: Sequence[Any], k: int, alive: np.ndarray | None
) -> Matches:
    """Return the best, kept on the device until the end."""
    shape = len(queries), k
    kept = Kept(jnp.full(shape, -jnp.inf, jnp.float32), jnp.zeros(shape, jnp.int32))
    for start, x, mask in blocks(parts, len(queries), alive):
        kept = _keep(kept, queries, x, mask, jnp.int32(start))
    return Matches(np.asarray(kept.scores)[:real], np.asarray(kept.ids)[:real].astype(np.int64))


def _sorted(
    queries: Array, real: int, parts: Sequence[Any], k: int, alive: np.ndarray | None, total: int
) -> Matches:
    """Return the first k of all, sorted."""
    scores = np.empty((real, total), np.float32)
    for start, x, mask in blocks(parts, len(queries), alive):
        found = np.asarray(_scores(queries, x, mask)[0])
        scores[:, start : start + len(x)] = found[:real, : total - start]
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return Matches(np.take_along_axis(scores, order, 1), order.astype(np.int64))


def blocks(
    parts: Sequence[Any], queries: int, alive: np.ndarray | None
) -> Iterator[tuple[int, Any, np.ndarray | None]]:
    """Yield the number of the first vector of each block, the block, and which may be found.

    A block is filled up to a power of two; None stands for all of it.

    >>> parts = [np.zeros((200, 1), np.float32), np.zeros((128, 1), np.float32)]
    >>> [(start, len(x), mask is None) for start, x, mask in blocks(parts, 8, None)]
    [(0, 256, False), (200, 128, True)]
    """
    size, first = BLOCK * max(1, QUERIES // max(queries, QUERIES // 4)), 0
    for part in parts:
        for start in range(0, len(part), size):
            block = part[start : start + size]
            x = padded_rows(block, least=GROUPS)
            mask = np.arange(len(x)) < len(block)
            if alive is not None:
                mask[: len(block)] = alive[first + start : first + start + len(block)]
            yield first + start, x, None if mask.all() else mask
        first += len(part)


def padded_rows(x: Any, least: int = 8) -> Any:
    """Return an array with as many rows as a power of two, so that few programs are compiled.

    >>> padded_rows(np.ones((9, 2), np.float32)).shape
    (16, 2)
    """
    missing = rounded(len(x), least) - len(x)
    if not missing:
        return x if isinstance(x, jax.Array) else np.asarray(x, np.float32)
    numpy: Any = jnp if isinstance(x, jax.Array) else np
    return numpy.pad(numpy.asarray(x, np.float32), ((0, missing), (0, 0)))


def rounded(count: int, least: int) -> int:
    """Return the next power of two that is at least `least`."""
    return max(least, 1 << (count - 1).bit_length())


@jax.jit
def _scores(queries: Array, x: Array, mask: Array | None) -> tuple[Array, Array]:
    """Return all scores of a block (Q, B), and the largest of each group (Q, GROUPS)."""
    scores = products(queries, x, mask)
    # Neighbours are in different groups: a maximum of rows of numbers, which vectorises.
    return scores, scores.reshape(len(queries), -1, GROUPS).max(1)


@functools.partial(jax.jit, donate_argnums=0)
def _keep(kept: Kept, queries: Array, x: Array, mask: Array | None, start: Array) -> Kept:
    """Return the best of those so far and of this block."""
    scores = products(queries, x, mask)
    k = kept.scores.shape[1]
    here, places = jax.lax.top_k(scores, min(k, len(x)))
    scores = jnp.concatenate([kept.scores, here], 1)  # the earlier first: top_k is stable
    ids = jnp.concatenate([kept.ids, places.astype(jnp.int32) + start], 1)
    scores, order = jax.lax.top_k(scores, k)
    return Kept(scores, jnp.take_along_axis(ids, order, 1))


def products(queries: Array, x: Array, mask: Array | None) -> Array:
    """Return inner products (Q, B) in single precision, also where hardware would use less."""
    both = (queries.astype(jnp.float32), x.astype(jnp.float32))
    scores = jnp.einsum("qd,bd->qb", *both, precision=jax.lax.Precision.HIGHEST)
    return scores if mask is None else jnp.where(mask[None], scores, -jnp.inf)


def check(queries: Any, parts: Sequence[Any], k: int, alive: np.ndarray | None) -> None:
    """Raise where the arguments of a search do not fit together."""
    report = Report("search", queries)
    for name, x in (("queries", queries), *(("vectors", part) for part in parts)):
        if report.expect(is_floating(x), name, x, "must be a floating-point array (N, D)",
                         "convert it to float32", kind=True):  # fmt: skip
            report.expect(x.ndim == 2, name, x, "must be (N, D)", f"use {name}[None] for one")
    report.count("k", k)
    if not report.problems:
        total = sum(map(len, parts))
        size = queries.shape[1]
        ok = all(part.shape[1] == size for part in parts)
        rule = f"must have as many coordinates as the queries, {size}"
        report.expect(ok, "vectors", parts[0] if parts else None, rule, "describe both alike")
        fits = alive is None or alive.shape == (total,)
        report.expect(fits, "alive", alive, f"must be bool ({total},)", "one for each vector")
        count = total if alive is None or not fits else int(alive.sum())
        rule = f"there are {count} vectors to find"
        report.expect(k <= count, "k", k, rule, f"use k={count} or less")
        report.expect(len(queries) > 0, "queries", queries, "holds no query", "give at least one")
    report.done()
