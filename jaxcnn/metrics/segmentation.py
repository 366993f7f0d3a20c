"""How well classes of pixels are found, from counts that add up over images and devices."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxcnn.checks import Report
from jaxcnn.typing import Array


def iou_per_class(confusion: ArrayLike) -> Array | np.ndarray:
    r"""Return how much of each class's true and predicted pixels are both: intersection over union.

    .. math::
        \mathrm{IoU}_k = \frac{n_{kk}}{\sum_j n_{kj} + \sum_j n_{jk} - n_{kk}}

    Args:
        confusion: Counts of pixels, int (..., K, K), the row the true class, the column the
            predicted one, as `confusion_matrix` gives them: add up or `lax.psum` counts, never
            scores. Arrays of NumPy are computed in float64, those of JAX in its default type.

    Returns:
        Shares in [0, 1], (..., K); NaN for a class that is neither there nor predicted.

    Raises:
        ValueError: If `confusion` is not of such a shape.

    Example:
        >>> import numpy as np
        >>> from jaxcnn.metrics import iou_per_class
        >>> iou_per_class(np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]])).round(3).tolist()
        [0.75, 0.667, nan]

    Reference:
        Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2015, section 3.4.
    """
    xp, both, true, said = _counts("iou_per_class", confusion)
    return _share(xp, both, true + said - both)


def dice_per_class(confusion: ArrayLike) -> Array | np.ndarray:
    r"""Return the Dice coefficient (F1) of each class.

    .. math::
        \frac{2 n_{kk}}{\sum_j n_{kj} + \sum_j n_{jk}} = \frac{2 \mathrm{IoU}_k}{1 + \mathrm{IoU}_k}

    Args:
        confusion: As for `iou_per_class`.

    Returns:
        Shares in [0, 1], (..., K); NaN for a class that is neither there nor predicted.

    Raises:
        ValueError: If `confusion` is not (..., K, K).

    Example:
        >>> import numpy as np
        >>> from jaxcnn.metrics import dice_per_class
        >>> dice_per_class(np.array([[3, 1], [0, 2]])).round(3).tolist()
        [0.857, 0.8]

    Reference:
        Dice, "Measures of the Amount of Ecologic Association Between Species", Ecology 1945.
    """
    xp, both, true, said = _counts("dice_per_class", confusion)
    return _share(xp, 2 * both, true + said)


def mean_iou(confusion: ArrayLike) -> Array | np.ndarray:
    """Return the mean IoU of the classes that are there or predicted (mIoU).

    Args:
        confusion: As for `iou_per_class`.

    Returns:
        Shares in [0, 1], (...); NaN where nothing was counted.

    Raises:
        ValueError: If `confusion` is not (..., K, K).

    Example:
        >>> import numpy as np
        >>> from jaxcnn.metrics import mean_iou
        >>> float(mean_iou(np.array([[3, 1], [0, 2]])).round(3))
        0.708
    """
    return _known_mean(iou_per_class(confusion))


def mean_dice(confusion: ArrayLike) -> Array | np.ndarray:
    """Return the mean Dice coefficient of the classes that are there or predicted.

    Args:
        confusion: As for `iou_per_class`.

    Returns:
        Shares in [0, 1], (...); NaN where nothing was counted.

    Raises:
        ValueError: If `confusion` is not (..., K, K).

    Example:
        >>> import numpy as np
        >>> from jaxcnn.metrics import mean_dice
        >>> float(mean_dice(np.array([[3, 1], [0, 2]])).round(3))
        0.829
    """
    return _known_mean(dice_per_class(confusion))


def pixel_accuracy(confusion: ArrayLike) -> Array | np.ndarray:
    """Return the share of pixels whose predicted class is the true one.

    Args:
        confusion: As for `iou_per_class`.

    Returns:
        Shares in [0, 1], (...); NaN where nothing was counted.

    Raises:
        ValueError: If `confusion` is not (..., K, K).

    Example:
        >>> import numpy as np
        >>> from jaxcnn.metrics import pixel_accuracy
        >>> float(pixel_accuracy(np.array([[3, 1], [0, 2]])).round(3))
        0.833
    """
    xp, both, true, _ = _counts("pixel_accuracy", confusion)
    return _share(xp, both.sum(-1), true.sum(-1))


def _counts(function: str, confusion: ArrayLike) -> tuple[Any, Any, Any, Any]:
    """Return the library of arrays, and per class the counts of right, true and predicted pixels.

    Counts of whole sets outgrow int32, which is all that JAX has by default.
    """
    xp: Any = jnp if isinstance(confusion, jax.Array) else np
    matrix = xp.asarray(confusion)
    report = Report(function, matrix.shape)
    square = matrix.ndim >= 2 and matrix.shape[-1] == matrix.shape[-2] > 0
    fix = "pass what confusion_matrix returns"
    report.expect(square, "confusion", matrix, "must be (..., K, K)", fix)
    report.done()
    matrix = matrix.astype(jnp.result_type(float) if xp is jnp else np.float64)
    return xp, xp.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(-1), matrix.sum(-2)


def _share(xp: Any, part: Any, whole: Any) -> Any:
    return xp.where(whole > 0, part / xp.where(whole > 0, whole, 1), xp.nan)


def _known_mean(scores: Any) -> Any:
    xp: Any = jnp if isinstance(scores, jax.Array) else np
    known = ~xp.isnan(scores)
    return _share(xp, xp.where(known, scores, 0).sum(-1), known.sum(-1))
