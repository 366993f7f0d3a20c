"""PCA and whitening, fitted on images that are not searched."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.checks import Report, is_number
from jaxcnn.retrieval.normalize import l2_normalize
from jaxcnn.typing import Array


class Projection(NamedTuple):
    """A shift and a linear map, of D coordinates to d.

    Example:
      >>> projection = Projection(np.ones(2), np.array([[1.0], [1.0]]), np.ones(1))
      >>> projection(jnp.array([[2.0, 3.0]])).tolist()
      [[3.0]]
    """

    mean: Any
    """(D,), what is taken away first."""
    basis: Any
    """(D, d), a principal axis a column, divided by its deviation if it whitens."""
    variance: Any
    """(d,), of the vectors it was fitted on, along each axis."""

    def __call__(self, vectors: Array) -> Array:
        """Return vectors (..., D) as (..., d), float32."""
        mean, basis = (jnp.asarray(a, vectors.dtype) for a in (self.mean, self.basis))
        shift = mean.reshape(*(1,) * (vectors.ndim - 1), -1)
        return jnp.matmul(vectors - shift, basis, precision=jax.lax.Precision.HIGHEST)


def fit_projection(
    vectors: Any, dims: int, *, whiten: bool = True, damping: float = 0.0
) -> Projection:
    r"""Fit PCA, by default with whitening, to vectors as `describe` returns them.

    Of the covariance :math:`C = V \Lambda V^T` the `dims` axes with the largest variances
    :math:`\lambda_i` are kept, and with whitening divided by :math:`\sqrt{\lambda_i + \gamma}`.
    It is computed in double precision. The sign of an axis makes its largest entry positive.

    Args:
      vectors: (N, D), or (N, R, D) of regions, of which each counts; of images other than those
        that are searched.
      dims: Axes that are kept, 1 to min(N - 1, D).
      whiten: Whether all axes get the same variance.
      damping: :math:`\gamma` as a share of the mean variance of all axes, >= 0: keeps noise
        on axes of little variance from being blown up where images are few.

    Returns:
      The projection, float32.

    Raises:
      ValueError: If a shape or number cannot be meant, the vectors hold NaN, or their variance
        along an axis that is to be whitened is zero.

    Source: Jégou & Chum 2012, "Negative evidences and co-occurences in image retrieval: the
    benefit of PCA and whitening", section 3; Babenko & Lempitsky 2015, equation 7.

    Example:
      >>> points = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])
      >>> white = fit_projection(points, 2)(jnp.asarray(points))
      >>> np.abs(white).max(0).astype(float).round(3).tolist()
      [1.414, 1.414]
    """
    x = np.asarray(vectors, np.float64)
    x = x.reshape(-1, x.shape[-1]) if x.ndim == 3 else x
    check("fit_projection", x, vectors, dims, damping)
    mean = x.mean(0)
    variance, axes = principal(x - mean)
    total = variance.sum() / x.shape[1]
    variance, axes = variance[:dims], axes[:, :dims]
    report = Report("fit_projection", x)
    enough = not whiten or variance[-1] > 1e-12 * max(variance[0], 1e-300) or damping > 0
    rule = "the vectors do not vary along so many axes, which cannot be whitened"
    report.expect(bool(enough), "dims", dims, rule, "use fewer dims, or fit on more images")
    report.done()
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(dims)])
    scale = 1 / np.sqrt(variance + damping * total) if whiten else np.ones(dims)
    return Projection(*(a.astype(np.float32) for a in (mean, axes * scale, variance)))


def compact(vectors: Array, projection: Projection | None = None) -> Array:
    """Return the final vectors of length 1, in the order of the papers.

    L2, then PCA with or without whitening, then L2 again. Vectors of regions go through this one
    by one, are added up, and the sum is normalised (R-MAC).

    Args:
      vectors: (N, D), or (N, R, D) of R regions.
      projection: As `fit_projection` returns it; None for none.

    Returns:
      (N, d), of length 1.

    Raises:
      ValueError: If the projection is for other vectors.
      TypeError: If `vectors` is not floating-point.

    Source: Babenko et al. 2014, section 4; Babenko & Lempitsky 2015, section 4; Tolias et al.
    2016, section 3.2; Kalantidis et al. 2016, section 3.

    Example:
      >>> np.asarray(compact(np.array([[[2.0, 0.0], [0.0, 3.0]]]))).astype(float).round(3).tolist()
      [[0.707, 0.707]]
    """
    report = Report("compact", vectors)
    if report.floating("vectors", vectors):
        rule = "must be (N, D), or (N, R, D) of regions"
        report.expect(vectors.ndim in (2, 3), "vectors", vectors, rule, "use vectors[None]")
    if projection is not None and not report.problems:
        size = jnp.shape(projection.basis)[0]
        rule = f"was fitted on {size} coordinates"
        fix = "fit it on vectors of the same layer and pooling"
        report.expect(size == vectors.shape[-1], "projection", projection.basis, rule, fix)
    report.done()
    x = l2_normalize(vectors)
    x = x if projection is None else l2_normalize(projection(x))
    return l2_normalize(x.sum(1)) if x.ndim == 3 else x


def principal(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the variances of vectors of mean 0 along their principal axes, and these axes.

    >>> principal(np.array([[2.0, 0.0], [-2.0, 0.0]]))[0].tolist()
    [4.0, 0.0]
    """
    count, size = centred.shape
    if count < size:  # fewer images than coordinates: the smaller problem
        _, values, axes = np.linalg.svd(centred, full_matrices=False)
        return values**2 / count, axes.T
    values, axes = np.linalg.eigh(centred.T @ centred / count)
    return np.maximum(values[::-1], 0), axes[:, ::-1]


def check(function: str, x: np.ndarray, given: Any, dims: int, damping: float) -> None:
    """Raise unless there is something to fit."""
    report = Report(function, np.shape(given))
    report.expect(x.ndim == 2, "vectors", given, "must be (N, D) or (N, R, D)", "stack them")
    report.count("dims", dims)
    ok = is_number(damping) and damping >= 0
    report.expect(ok, "damping", damping, "must be a number >= 0", "use damping=0.0")
    if not report.problems:
        most = min(len(x) - 1, x.shape[1])
        rule = f"{len(x)} vectors of {x.shape[1]} coordinates have at most {most} axes"
        report.expect(dims <= most, "dims", dims, rule, f"use dims={most} or fit on more images")
        rule = "holds NaN or infinite values"
        report.expect(bool(np.isfinite(x).all()), "vectors", given, rule, "look at the images")
    report.done()
