"""From vectors to points of a map: scikit-learn's projections, with settings that can be stated."""

from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

DIMENSIONS, PERPLEXITY = 50, 30.0


class Projection(NamedTuple):
    """Points (N, 2), and how they were found.

    >>> pca(np.eye(3)).points.shape
    (3, 2)
    """

    points: np.ndarray
    note: str


def pca(vectors: np.ndarray) -> Projection:
    """Return the two directions of the largest variance, and their share of it."""
    model = PCA(2, svd_solver="full")
    points = model.fit_transform(np.asarray(vectors, np.float64))
    shares = " and ".join(f"{share:.0%}" for share in model.explained_variance_ratio_)
    return Projection(points, f"PCA: the axes hold {shares} of the variance")


def tsne(vectors: np.ndarray, seed: int = 0) -> Projection:
    """Return points whose neighbours are those of the vectors; distances between groups say little.

    Vectors are first reduced to 50 dimensions by PCA, as van der Maaten and Hinton do (2008,
    section 4.2).
    """
    vectors = np.asarray(vectors, np.float64)
    count, size = vectors.shape
    if min(count, size) > DIMENSIONS:
        vectors = PCA(DIMENSIONS, random_state=seed).fit_transform(vectors)
    perplexity = min(PERPLEXITY, max(1.0, (count - 1) / 3))
    # One thread: for a few thousand points others bring little, and on busy cores cost much.
    with threadpool_limits(1):
        made = TSNE(2, perplexity=perplexity, init="pca", random_state=seed)
        points = made.fit_transform(vectors)
    return Projection(points, f"t-SNE, perplexity {perplexity:.3g}, seed {seed}")


PROJECTIONS = {"PCA": pca, "t-SNE": tsne}
