"""From the maps of a layer to one vector for an image: one short formula for each paper.

The vectors are not yet normalised; `compact` does that, in the order of the papers.
"""

import jax.numpy as jnp

from jaxcnn.checks import Report, is_number
from jaxcnn.typing import Array


def neural_code(features: Array) -> Array:
    """Return the activations of a layer as one vector, every position a coordinate.

    Args:
      features: A layer's output (N, ..., C), such as that of `fc6`, or of the last convolution.

    Returns:
      (N, D), D the number of values for an image.

    Raises:
      ValueError: If there is no batch axis.
      TypeError: If `features` is not floating-point.

    Source: Babenko et al. 2014, "Neural codes for image retrieval", section 3.

    Example:
      >>> neural_code(jnp.ones((2, 3, 3, 4))).shape, neural_code(jnp.ones((2, 8))).shape
      ((2, 36), (2, 8))
    """
    report = Report("neural_code", features)
    ok = report.floating("features", features)
    rule = "must have a batch axis and features (N, ..., C)"
    report.expect(not ok or features.ndim > 1, "features", features, rule, "use features[None]")
    report.done()
    return features.reshape(len(features), -1)


def spoc(maps: Array, *, centre: bool = True) -> Array:
    r"""Return the sum over all positions, those in the middle weighing more.

    :math:`\psi = \sum_{x, y} \alpha_{xy} f_{xy}` with the centre prior
    :math:`\alpha_{xy} = \exp(-((x - W/2)^2 + (y - H/2)^2) / 2\sigma^2)`, where :math:`\sigma` is a
    third of the distance from the centre to the nearest border, and x, y are centres of cells.

    Args:
      maps: (N, H, W, C), floating-point.
      centre: Whether the prior is used; False sums all positions alike.

    Returns:
      (N, C).

    Raises:
      ValueError: If there are no four axes.
      TypeError: If `maps` is not floating-point.

    Source: Babenko & Lempitsky 2015, "Aggregating deep convolutional features for image
    retrieval", equations 4 to 6.

    Example:
      >>> spoc(jnp.ones((1, 3, 3, 2)), centre=False).tolist()
      [[9.0, 9.0]]
      >>> corner = jnp.zeros((1, 3, 3, 1)).at[0, 0, 0].set(1.0)
      >>> round(float(spoc(corner)[0, 0]), 4)
      0.0183
    """
    check_maps("spoc", maps)
    if not centre:
        return maps.sum((1, 2))
    height, width = maps.shape[1:3]
    sigma = min(height, width) / 2 / 3
    rows, columns = (jnp.arange(size) + 0.5 - size / 2 for size in (height, width))
    squares = rows[:, None] ** 2 + columns[None] ** 2
    prior = jnp.exp(-squares / (2 * sigma**2)).astype(maps.dtype)
    return jnp.einsum("nhwc,hw->nc", maps, prior)


def mac(maps: Array) -> Array:
    """Return the largest activation of each channel.

    Args:
      maps: (N, H, W, C), floating-point.

    Returns:
      (N, C).

    Raises:
      ValueError: If there are no four axes.
      TypeError: If `maps` is not floating-point.

    Source: Razavian et al. 2016, "Visual instance retrieval with deep convolutional networks";
    named MAC by Tolias et al. 2016, section 3.1.

    Example:
      >>> mac(jnp.arange(8.0).reshape(1, 2, 2, 2)).tolist()
      [[6.0, 7.0]]
    """
    check_maps("mac", maps)
    return maps.max((1, 2))


def gem(maps: Array, *, p: float = 3.0) -> Array:
    r"""Return the generalized mean, :math:`(\frac{1}{HW} \sum_{x, y} f_{xy}^p)^{1/p}`.

    p = 1 is the mean, and :math:`p \to \infty` the maximum. Activations below 1e-6 count as that:
    a power of a negative number means nothing here.

    Args:
      maps: (N, H, W, C), floating-point.
      p: The power, > 0.

    Returns:
      (N, C).

    Raises:
      ValueError: If there are no four axes, or p is not positive.
      TypeError: If `maps` is not floating-point.

    Source: Radenović et al. 2018, "Fine-tuning CNN image retrieval with no human annotation",
    equation 3; the default is where their training starts.

    Example:
      >>> round(float(gem(jnp.array([0.0, 2.0]).reshape(1, 1, 2, 1))[0, 0]), 4)
      1.5874
    """
    report = Report("gem", getattr(maps, "shape", None))
    if report.expect(is_number(p), "p", p, "must be a number", "use p=3.0", kind=True):
        report.expect(p > 0, "p", p, "must be > 0", "use p=3.0, or mac for the maximum")
    report.done()
    check_maps("gem", maps)
    floor = jnp.asarray(1e-6, maps.dtype)
    clipped = jnp.maximum(maps, floor)
    top = clipped.max((1, 2), keepdims=True)  # taken out, so that no power overflows
    return (((clipped / top) ** p).mean((1, 2)) ** (1 / p)) * top[:, 0, 0]


def crow(maps: Array, *, a: float = 2.0, b: float = 2.0) -> Array:
    r"""Return a sum in which busy places and rare channels weigh more.

    With :math:`S_{xy} = \sum_k f_{xyk}` places weigh
    :math:`(S_{xy} / (\sum_{xy} S_{xy}^a)^{1/a})^{1/b}`; a channel that is active at the share
    :math:`Q_k` of the places weighs :math:`\log \frac{K \epsilon + \sum_h Q_h}{\epsilon + Q_k}`.

    Args:
      maps: (N, H, W, C), floating-point, behind a ReLU; of other layers only positive values
        count as active, and negative sums of a place as 0.
      a: Norm by which places are compared, > 0.
      b: Root that makes their weights more alike, > 0.

    Returns:
      (N, C).

    Raises:
      ValueError: If there are no four axes, or a number is not positive.
      TypeError: If `maps` is not floating-point.

    Source: Kalantidis et al. 2016, "Cross-dimensional weighting for aggregated deep convolutional
    features", equations 3 to 8.

    Example:
      >>> maps = jnp.array([[1.0, 1.0], [1.0, 0.0]]).reshape(1, 1, 2, 2)
      >>> [round(float(value), 2) for value in crow(maps)[0]]
      [0.65, 1.04]
    """
    report = Report("crow", getattr(maps, "shape", None))
    for name, value in (("a", a), ("b", b)):
        ok = is_number(value) and value > 0
        report.expect(ok, name, value, "must be a number > 0", f"use {name}=2.0")
    report.done()
    check_maps("crow", maps)
    sums = jnp.maximum(maps.sum(-1), 0)
    top = jnp.maximum(sums.max((1, 2), keepdims=True), jnp.finfo(maps.dtype).tiny)
    shares = sums / top  # scaled, so that no power overflows; the norm takes it out again
    norm = jnp.maximum((shares**a).sum((1, 2), keepdims=True), 1e-30) ** (1 / a)
    pooled = jnp.einsum("nhwc,nhw->nc", maps, (shares / norm) ** (1 / b))
    active = (maps > 0).mean((1, 2), dtype=maps.dtype)
    tiny = 1e-6
    total = maps.shape[-1] * tiny + active.sum(-1, keepdims=True)
    return pooled * jnp.log(total / (tiny + active))


def check_maps(function: str, maps: Array) -> None:
    """Raise unless there are maps to pool."""
    report = Report(function, maps)
    ok = report.floating("maps", maps)
    fine = not ok or (maps.ndim == 4 and 0 not in maps.shape)
    fix = "take a layer with maps, such as the last convolution, or neural_code"
    report.expect(fine, "maps", maps, "must be maps (N, H, W, C)", fix)
    report.done()
