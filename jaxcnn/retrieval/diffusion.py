"""Diffusion: similarity that flows along the database, from neighbour to neighbour."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.checks import Report
from jaxcnn.retrieval.exact import Matches, search
from jaxcnn.typing import Array


class Graph(NamedTuple):
    """Mutual neighbours of N vectors, each with its weight.

    Example:
      >>> neighbour_graph(np.eye(3, dtype=np.float32) + 0.5, k=2).weights.shape
      (3, 2)
    """

    neighbours: Array
    """int32 (N, k)."""
    weights: Array
    """Entries of the normalised adjacency matrix, 0 where a neighbour is not mutual; (N, k)."""


def neighbour_graph(vectors: Any, *, k: int = 50, gamma: float = 3.0) -> Graph:
    r"""Return the graph on which `diffuse` works; it is made once for a database.

    Two vectors are joined if each is among the k nearest of the other, with the weight
    :math:`w_{ij} = \max(x_i^T x_j, 0)^\gamma`; the matrix is
    :math:`S = D^{-1/2} W D^{-1/2}` with the degrees :math:`D`.

    Args:
      vectors: (N, D), of length 1.
      k: Neighbours of each, 1 to N - 1.
      gamma: Power of the cosines, >= 0.

    Returns:
      The graph.

    Raises:
      ValueError: If a number cannot be meant.
      TypeError: If `vectors` is not floating-point.

    Source: Iscen et al. 2017, "Efficient diffusion on region manifolds: recovering small objects
    with compact CNN representations", section 3.1.

    Example:
      >>> graph = neighbour_graph(np.array([[1.0, 0], [0.8, 0.6], [0, 1.0]], np.float32), k=1)
      >>> graph.weights.tolist()
      [[1.0], [1.0], [0.0]]
    """
    report = Report("neighbour_graph", vectors)
    report.count("k", k)
    report.expect(gamma >= 0, "gamma", gamma, "must be >= 0", "use gamma=3.0")
    fits = len(vectors) > k
    report.expect(fits, "k", k, f"must be less than the {len(vectors)} vectors", "use fewer")
    report.done()
    found = search(vectors, vectors, k + 1)
    own = found.ids == np.arange(len(vectors))[:, None]
    own[:, -1] |= ~own.any(1)  # hidden behind k equal vectors: leave out the last instead
    neighbours = found.ids[~own].reshape(-1, k)
    weights = np.maximum(found.scores[~own].reshape(-1, k), 0) ** np.float32(gamma)
    weights = np.where(mutual(neighbours), weights, 0)
    degree = np.maximum(weights.sum(1), np.finfo(np.float32).tiny)
    weights = weights / np.sqrt(degree[:, None] * degree[neighbours])
    return Graph(jnp.asarray(neighbours, jnp.int32), jnp.asarray(weights, jnp.float32))


def diffuse(
    graph: Graph, scores: Any, ids: Any, *, alpha: float = 0.99, gamma: float = 3.0, steps: int = 20
) -> np.ndarray:
    r"""Return scores of all vectors of the database after similarity has spread.

    Solves :math:`(I - \alpha S) f = y` by conjugate gradients, where y holds the cosines of the
    query's nearest neighbours to the power gamma: what can be reached by many short steps over
    similar images ranks high, also if it looks unlike the query.

    Args:
      graph: Of the database.
      scores: Cosines of the nearest neighbours of each query, (Q, n).
      ids: Positions of these neighbours, (Q, n).
      alpha: Share that flows on at every step, in [0, 1); 0 keeps the given ranking.
      gamma: Power of the cosines, >= 0.
      steps: Steps of conjugate gradients, >= 1.

    Returns:
      float32 (Q, N).

    Raises:
      ValueError: If a number or shape cannot be meant.

    Source: Iscen et al. 2017, sections 3.2 to 4.2, equation 10.

    Example:
      >>> vectors = np.array([[1, 0], [0.8, 0.6], [0.28, 0.96], [-1, 0]], np.float32)
      >>> graph = neighbour_graph(vectors, k=2)
      >>> found = diffuse(graph, np.array([[1.0]]), np.array([[0]]), alpha=0.5)
      >>> np.argsort(-found[0]).tolist()
      [0, 1, 2, 3]
    """
    report = Report("diffuse", np.shape(scores))
    report.fraction("alpha", alpha, closed=False)
    report.count("steps", steps)
    fits = np.ndim(scores) == 2 and np.shape(scores) == np.shape(ids)
    report.expect(fits, "ids", ids, "must be (Q, n) as the scores", "use what search returned")
    inside = not fits or bool(np.all((np.asarray(ids) >= 0) & (np.asarray(ids) < len(graph[0]))))
    rule = f"must be positions among the {len(graph[0])} vectors of the graph"
    report.expect(inside, "ids", ids, rule, "make the graph of the database that was searched")
    report.done()
    y = jnp.maximum(jnp.asarray(scores, jnp.float32), 0) ** gamma
    return np.asarray(_solve(graph, y, jnp.asarray(ids, jnp.int32), jnp.float32(alpha), steps))


def rerank(values: np.ndarray, k: int) -> Matches:
    """Return the k best positions of each row of scores, the best first.

    Args:
      values: (Q, N), such as `diffuse` returns.
      k: How many, 1 to N.

    Returns:
      Scores and positions, (Q, k).

    Raises:
      ValueError: If there are not k.

    Example:
      >>> rerank(np.array([[0.1, 0.9, 0.5]]), 2).ids.tolist()
      [[1, 2]]
    """
    report = Report("rerank", values)
    report.count("k", k)
    report.expect(k <= values.shape[1], "k", k, f"must be <= {values.shape[1]}", "use fewer")
    report.done()
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return Matches(np.take_along_axis(values, order, 1), order.astype(np.int64))


def mutual(neighbours: np.ndarray) -> np.ndarray:
    """Return which entries (N, k) are neighbours in both directions.

    >>> mutual(np.array([[1], [2], [1]])).tolist()
    [[False], [True], [True]]
    """
    count, k = neighbours.shape
    rows = np.repeat(np.arange(count), k)
    forward, backward = rows * count + neighbours.ravel(), neighbours.ravel() * count + rows
    return np.isin(forward, backward).reshape(count, k)


@functools.partial(jax.jit, static_argnums=4)
def _solve(graph: Graph, y: Array, ids: Array, alpha: Array, steps: int) -> Array:
    """Solve for each query; the matrix is symmetric, so that its rows are its columns."""
    count = len(graph.neighbours)

    def apply(f: Array) -> Array:
        return f - alpha * (graph.weights * f[graph.neighbours]).sum(1)

    def one(given: tuple[Array, Array]) -> Array:
        scores, places = given
        start = jnp.zeros(count, jnp.float32).at[places].add(scores)
        return jax.scipy.sparse.linalg.cg(apply, start, maxiter=steps, tol=1e-6)[0]

    return jax.lax.map(one, (y, ids))
