"""Query expansion: ask again with what was found."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn.checks import Report, is_number
from jaxcnn.retrieval.normalize import l2_normalize


def expand_queries(queries: Any, neighbours: Any, scores: Any, *, alpha: float = 3.0) -> np.ndarray:
    r"""Return queries that lean towards their nearest neighbours.

    :math:`q' \propto q + \sum_i \max(s_i, 0)^\alpha x_i` over the first answers :math:`x_i` with
    cosines :math:`s_i`. With alpha = 0 all count alike (average query expansion); the larger it
    is, the more the best count, so that more of them may be taken. Applied to the database
    itself, with its own neighbours, it is database-side augmentation.

    Args:
      queries: (Q, D), of length 1.
      neighbours: The first n answers of each, (Q, n, D), such as `index.vectors(found.ids)`.
      scores: Their cosines, (Q, n); -inf stands for no answer.
      alpha: Power of the cosines, >= 0.

    Returns:
      float32 (Q, D), of length 1.

    Raises:
      ValueError: If shapes do not fit, or `alpha` is negative.

    Source: Chum et al. 2007, "Total recall: automatic query expansion"; Radenović et al. 2018,
    "Fine-tuning CNN image retrieval with no human annotation", section 3.3.

    Example:
      >>> query, found = np.array([[1.0, 0.0]]), np.array([[[0.6, 0.8]]])
      >>> expand_queries(query, found, np.array([[0.6]]), alpha=0.0).round(2).tolist()
      [[0.8899999856948853, 0.44999998807907104]]
    """
    report = Report("expand_queries", queries)
    shapes = [np.shape(a) for a in (queries, neighbours, scores)]
    ok = len(shapes[1]) == 3 and shapes[0] == (shapes[1][0], shapes[1][2])
    ok = ok and shapes[2] == shapes[1][:2]
    rule = f"queries, neighbours and scores have shapes {shapes}"
    report.expect(ok, "neighbours", neighbours, rule, "use (Q, D), (Q, n, D) and (Q, n)")
    fine = is_number(alpha) and alpha >= 0
    report.expect(fine, "alpha", alpha, "must be a number >= 0", "use alpha=3.0")
    report.done()
    scores = np.asarray(scores, np.float32)
    weights = np.where(scores == -np.inf, 0, np.maximum(scores, 0) ** np.float32(alpha))
    total = np.asarray(queries) + np.einsum("qn,qnd->qd", weights, np.asarray(neighbours))
    return np.asarray(l2_normalize(jnp.asarray(total, jnp.float32)))
