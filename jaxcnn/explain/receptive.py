"""Which pixels a place in a layer's maps is made of."""

from typing import Any

import jax
import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.models.inspect.field import Extent, Field
from jaxcnn.models.inspect.spread import Spread
from jaxcnn.models.inspect.value import Value
from jaxcnn.models.inspect.walk import Walk
from jaxcnn.taps import features
from jaxcnn.typing import Array, Shape, Variables


def receptive_boxes(
    model: nn.Module,
    variables: Variables,
    x: Array | np.ndarray | jax.ShapeDtypeStruct,
    at: str,
    positions: Any,
    *,
    clip: bool = True,
) -> np.ndarray:
    """Return the pixels that positions in a layer's maps see: strides, padding, all counted.

    The network is followed abstractly, so that any composition of convolutions, pools, pads and
    resizes by whole factors is known; nothing is computed. What a gate such as squeeze-and-
    excitation sees, which is the whole image, is left out: the box is that of the maps. Along an
    axis that a layer has no longer, or mixes in a way that is not known, all pixels are seen.
    Where maps are padded, the box is as if they went on: at borders it holds all that is seen,
    and beside dilated windows, or rows that a stride leaves over, a few pixels more.

    Args:
      model: Any Linen module.
      variables: Its variables, or their shapes.
      x: Images (N, *S, C), or their shape and type.
      at: The layer, e.g. `stage2`.
      positions: Ints (..., S'), an index for each spatial axis of the layer, e.g.
        `TopActivations.positions`.
      clip: Whether to cut boxes at the borders of the image; without, they tell how far into the
        padding a unit looks.

    Returns:
      int64 (..., S, 2): along each axis of the image the first pixel, and the first one beyond.

    Raises:
      ValueError: If the layer is not there, or positions do not fit it.

    Source: Araujo et al. 2019, "Computing receptive fields of convolutional neural networks".

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((1, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> receptive_boxes(model, variables, x, "pool2", [[0, 0], [4, 1]]).tolist()
      [[[0, 16], [0, 16]], [[16, 32], [4, 20]]]
    """
    positions = np.asarray(positions)
    spread, shape = spread_at(model, variables, x, at)
    report = Report("receptive_boxes", x)
    sizes = shape[1:-1]
    ok = positions.shape[-1:] == (len(sizes),) and np.issubdtype(positions.dtype, np.integer)
    rule = f"must be ints (..., {len(sizes)}), for {at} has shape {shape}"
    if report.expect(ok or not sizes and not positions.size, "positions", positions, rule,
                     "give one index for each of its axes"):  # fmt: skip
        ok = bool(((positions >= 0) & (positions < sizes)).all())
        report.expect(ok, "positions", positions, f"must lie within {sizes}", "count from 0")
    report.done()
    boxes = np.zeros((*positions.shape[:-1], x.ndim - 2, 2), np.int64)
    boxes[..., 1] = x.shape[1:-1]
    for axis, size in enumerate(sizes):
        source = spread.source(axis + 1)
        field = spread.along(axis + 1)
        if source is not None and field is not None and field.extent is not Extent.UNKNOWN:
            boxes[..., source, :] = intervals(field, size)[positions[..., axis]]
    return boxes.clip(0, np.array(x.shape[1:-1])[:, None]) if clip else boxes


def spread_at(
    model: nn.Module, variables: Variables, x: Array | np.ndarray | jax.ShapeDtypeStruct, at: str
) -> tuple[Spread, Shape]:
    """Return what the array at a place sees of the input, and its shape."""
    image = jax.ShapeDtypeStruct(x.shape, x.dtype)
    program = jax.make_jaxpr(lambda v, x: features(model, v, x, at)[at])(variables, image)
    learned = [Value(v.aval.shape, v.aval.dtype, learned=True) for v in program.jaxpr.invars[:-1]]
    (result,) = Walk().run(program, [*learned, Value(x.shape, x.dtype, Spread.of_input(x.shape))])
    spread = result.spread
    assert spread is not None  # every place is made of the input
    return spread, result.shape


def intervals(field: Field, size: int) -> np.ndarray:
    """Return the interval that each of the first positions sees, int64 (size, 2).

    >>> intervals(Field().slide(3, stride=2, low=1), 2).tolist()
    [[-1, 2], [1, 4]]
    """
    return np.array([[int(end) for end in field.at(i)] for i in range(size)], np.int64)
