"""Sums and counts that add up over batches, devices and hosts."""

from collections.abc import Mapping

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.checks import Report
from jaxcnn.metrics.checks import expect_mask
from jaxcnn.typing import Array


def masked_sums(values: Mapping[str, ArrayLike], mask: ArrayLike | None = None) -> dict[str, Array]:
    """Sum each metric over the examples that count, and count them.

    Sums, unlike means, are exact to combine: add them over batches, `lax.psum` them over devices,
    then divide once with `means`.

    Args:
        values: Metrics by name, each (B,) or all of one other shape: losses, hits.
        mask: bool of that shape, True where an example counts; None counts all. A masked value
            does not enter even if it is NaN.

    Returns:
        The scalar sums by name, float32 at least (int32 for bool and integer metrics, hence exact
        up to 2**31 - 1), and the number of examples as `count`, int32.

    Raises:
        TypeError: If `mask` is not bool.
        ValueError: If shapes differ, `values` is empty or holds the name `count`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.metrics import masked_sums
        >>> sums = masked_sums(
        ...     {"loss": jnp.array([1.0, 2.0, 9.0]), "top1": jnp.array([True, False, True])},
        ...     jnp.array([True, True, False]))
        >>> {name: value.item() for name, value in sums.items()}
        {'loss': 3.0, 'top1': 1, 'count': 2}
    """
    arrays = {name: jnp.asarray(value) for name, value in values.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    report = Report("masked_sums")
    ok = len(set(shapes.values())) == 1 and "count" not in shapes
    rule = "must be metrics of one shape, none of them named 'count'"
    report.expect(ok, "values", shapes, rule, "pass one value an example for each metric")
    report.done()
    shape = next(iter(shapes.values()))
    counted = jnp.ones(shape, bool) if mask is None else jnp.asarray(mask)
    expect_mask(report, counted, shape)
    report.done()
    sums = {
        name: jnp.where(counted, array, jnp.zeros((), array.dtype)).sum(dtype=_sum_dtype(array))
        for name, array in arrays.items()
    }
    return sums | {"count": counted.sum(dtype=jnp.int32)}


def means(sums: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """Divide every sum by `count`; without a single example a mean is NaN.

    Args:
        sums: What `masked_sums` returns, possibly added up.

    Returns:
        The scalar means by name, without `count`.

    Raises:
        ValueError: If `count` is missing.

    Example:
        >>> from jaxcnn.metrics import means
        >>> means({"top1": 3, "count": 4})["top1"].item()
        0.75
    """
    report = Report("means")
    fix = "pass what masked_sums returns"
    report.expect("count" in sums, "sums", sorted(sums), "must hold 'count'", fix)
    report.done()
    count = jnp.asarray(sums["count"])
    return {
        name: jnp.where(count > 0, value / jnp.maximum(count, 1), jnp.nan)
        for name, value in sums.items()
        if name != "count"
    }


def _sum_dtype(array: Array):
    if jnp.issubdtype(array.dtype, jnp.floating):
        return jnp.promote_types(array.dtype, jnp.float32)
    return jnp.int32
