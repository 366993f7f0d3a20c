"""What mixup and CutMix share: each example and its neighbour i ^ 1, and their labels."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxcnn.augment.pixels import check_pixels, uniform, widen
from jaxcnn.checks import Report, is_number
from jaxcnn.typing import Array, Key


def partner(array: Array) -> Array:
    """Return for each example its neighbour: 0 and 1 change places, 2 and 3, ..."""
    return array.reshape(-1, 2, *array.shape[1:])[:, ::-1].reshape(array.shape)


def partner_counts(mask: ArrayLike | None, batch: int) -> Array:
    """Return whether each example's neighbour counts, bool (B,)."""
    return jnp.ones(batch, bool) if mask is None else partner(jnp.asarray(mask))


def distributions(labels: Array, num_classes: int) -> Array:
    """Return labels as distributions (B, K); a class outside [0, K) becomes NaN, to be seen."""
    if labels.ndim == 2:
        return widen(labels)
    one_hot = jax.nn.one_hot(labels, num_classes, dtype=jnp.float32)
    valid = (labels >= 0) & (labels < num_classes)
    return jnp.where(valid[:, None], one_hot, jnp.nan)


def mix_labels(labels: Array, own: Array, alone: Array) -> Array:
    """Return `own * label + (1 - own) * partner's label`, untouched where `alone`."""
    own = own[:, None].astype(labels.dtype)
    return jnp.where(alone[:, None], labels, own * labels + (1 - own) * partner(labels))


def draw_share(keys: Key, alpha: float) -> Array:
    """Draw from Beta(alpha, alpha), float32 (B,)."""
    if alpha == 1:  # uniform, without the loops that other shapes need
        return uniform(keys, 0.0, 1.0)
    return jax.vmap(lambda key: jax.random.beta(key, alpha, alpha, (), jnp.float32))(keys)


def check_pairs(
    function: str,
    keys: Key,
    images: Array,
    labels: Array,
    num_classes: int,
    alpha: float,
    mask: ArrayLike | None,
) -> None:
    """Expect an even batch with fitting labels."""
    report = check_pixels(function, keys, images)
    classes = report.count("num_classes", num_classes)
    if images.ndim == 4:
        batch = images.shape[0]
        rule, fix = "must hold an even number, to be paired", "use an even batch on each device"
        report.expect(batch % 2 == 0, "images", images, rule, fix)
        _check_labels(report, labels, batch, classes)
        fix = "pass one bool for each image"
        ok = mask is None or np.shape(mask) == (batch,)
        report.expect(ok, "mask", mask, f"must have shape {(batch,)}", fix)
    ok = is_number(alpha) and alpha > 0
    report.expect(
        ok, "alpha", alpha, "must be a number > 0", "use alpha=0.2; to mix none, call less"
    )
    report.done()


def _check_labels(report: Report, labels: Array, batch: int, classes: int) -> None:
    shapes = ((batch,), (batch, classes))
    rule = f"must be classes {shapes[0]} or distributions {shapes[1]}"
    if report.expect(labels.shape in shapes, "labels", labels, rule, "pass one label per image"):
        soft = labels.ndim == 2
        kind = jnp.floating if soft else jnp.integer
        rule = "must be " + ("floating, as distributions are" if soft else "integers")
        ok = bool(jnp.issubdtype(labels.dtype, kind))
        report.expect(ok, "labels", labels, rule, "convert them", kind=True)
