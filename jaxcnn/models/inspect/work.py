"""Multiply-adds of one equation, by the convention of torchvision: convolutions and products."""

import math
from collections.abc import Sequence
from typing import Any

from jaxcnn.models.inspect.value import Value
from jaxcnn.typing import Shape


def multiply_adds(name: str, params: dict[str, Any], operands: Sequence[Value], out: Shape) -> int:
    """Return the multiply-adds of an equation with a result of shape `out`.

    Additions (biases, shortcuts), norms, nonlinearities and pooling count nothing, nor do
    products with matrices and kernels that the architecture fixes: they pool, resize, cut patches.
    """
    if any(value.fixed for value in operands):
        return 0
    if name == "conv_general_dilated":
        return _convolution(params, operands, out)
    if name == "dot_general":
        (contract, _), _ = params["dimension_numbers"]
        return math.prod(out) * math.prod(operands[0].shape[i] for i in contract)
    return 0


def _convolution(params: dict[str, Any], operands: Sequence[Value], out: Shape) -> int:
    """Count every tap of every window; of a transposed convolution, every tap of every input."""
    numbers = params["dimension_numbers"]
    x, kernel = operands[:2]
    count = out[numbers.out_spec[0]] * out[numbers.out_spec[1]] * kernel.shape[numbers.rhs_spec[1]]
    for i, dilation in enumerate(params["lhs_dilation"]):
        source = numbers.lhs_spec[2 + i]
        places = out[numbers.out_spec[2 + i]]
        if x.sparse is not None and x.sparse[source] != x.shape[source]:
            places = x.sparse[source]
        elif dilation > 1:
            places = x.shape[source]
        count *= places * kernel.shape[numbers.rhs_spec[2 + i]]
    return count


def inflated(name: str, params: dict[str, Any], operand: Value) -> Shape | None:
    """Return the sizes of an array before zeros were put between its elements, if they are."""
    if name != "pad" or not any(interior for *_, interior in params["padding_config"]):
        return None
    config = params["padding_config"]
    return tuple(
        n if interior else n + low + high
        for n, (low, high, interior) in zip(operand.shape, config, strict=True)
    )
