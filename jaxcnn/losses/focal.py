"""A cross-entropy that what is easy hardly enters."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxcnn.checks import is_number
from jaxcnn.losses.cross_entropy import check
from jaxcnn.typing import Array


def focal(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    gamma: float = 2.0,
    alpha: Sequence[float] | None = None,
) -> Array:
    r"""Return the focal loss of each example or pixel, in nats.

    .. math::
        -\alpha_y (1 - p_y)^\gamma \log p_y, \qquad p = \mathrm{softmax}(z)

    Args:
        logits: Floating, (..., K): (B, K) for images, (B, H, W, K) for pixels.
        labels: Classes y in [0, K), int (...). Any other gives NaN with a zero gradient, so that
            it is seen, unless a mask or `pixel_mean` sets it aside.
        gamma: How much less the easy ones count, >= 0; 0 is the cross-entropy.
        alpha: Weight of each class, K numbers >= 0; None for 1.

    Returns:
        Losses (...), float32, or float64 where the logits are; not reduced.

    Raises:
        TypeError: If `logits` are not floating or `labels` not integers.
        ValueError: If shapes do not fit, or `gamma` or `alpha` is negative.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.losses import focal
        >>> print(focal(jnp.zeros((1, 2)), jnp.array([0])))  # ln 2 / 4
        [0.1732...]

    Reference:
        Lin, Goyal, Girshick, He, Dollár, "Focal Loss for Dense Object Detection", ICCV 2017,
        equation 5.
    """
    logits, labels = jnp.asarray(logits), jnp.asarray(labels)
    report = check("focal", logits, labels, 0.0)
    whole = labels.ndim < logits.ndim
    rule, fix = "must be classes", "for distributions use cross_entropy"
    report.expect(whole, "labels", labels, rule, fix)
    ok = is_number(gamma) and gamma >= 0
    report.expect(ok, "gamma", gamma, "must be a number >= 0", "use gamma=2.0")
    classes = logits.shape[-1] if logits.ndim else 0
    weights = np.ones(classes) if alpha is None else np.asarray(alpha, np.float64)
    ok = weights.shape == (classes,) and bool((weights >= 0).all())
    report.expect(ok, "alpha", alpha, f"must be {classes} numbers >= 0", "use alpha=None")
    report.done()
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    valid = (labels >= 0) & (labels < classes)
    inside = jnp.where(valid, labels, 0)
    surprise = -jnp.take_along_axis(jax.nn.log_softmax(logits), inside[..., None], -1)[..., 0]
    # The root of a zero would have an infinite slope.
    missing = jnp.maximum(-jnp.expm1(-surprise), jnp.finfo(logits.dtype).tiny)
    loss = jnp.asarray(weights, logits.dtype)[inside] * missing**gamma * surprise
    return jnp.where(valid, loss, jnp.nan)
