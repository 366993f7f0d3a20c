"""The classifier of the first deep networks: two wide fully connected layers, with dropout."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxcnn.blocks import FullyConnected
from jaxcnn.models.parts import classify, dropped
from jaxcnn.ops import adaptive_avg_pool
from jaxcnn.typing import Array


def fully_connected(
    model: Any,
    x: Array,
    train: bool,
    *,
    dropout_before: tuple[str, ...],
    kernel_init: Callable[..., Any],
    bias_init: Callable[..., Any] = nn.initializers.zeros,
) -> Array:
    """Return the logits of maps: `average to a grid - flatten - fc6 - fc7 - head`.

    Averaging does nothing to images of the usual size and lets others in, as in torchvision.

    Args:
      model: A module with the fields `num_classes`, `hidden` (widths of fc6, fc7, ...), `grid`
        (height and width to average to), `dropout`, `act` and `dtype`.
      x: Maps (N, H, W, C).
      train: Whether features are dropped.
      dropout_before: Names of the layers whose input is dropped.
      kernel_init: Initialiser of all matrices.
      bias_init: Initialiser of the biases of hidden layers.
    """
    x = adaptive_avg_pool(x, model.grid)
    x = x.reshape(x.shape[0], -1)
    for i, features in enumerate(model.hidden, 6):
        if f"fc{i}" in dropout_before:
            x = dropped(x, model.dropout, train, f"fc{i}_dropout")
        layer = FullyConnected(
            features, kernel_init, bias_init, model.act, model.dtype, name=f"fc{i}"
        )
        x = layer(x)
    return classify(model, x, train, drop="head" in dropout_before, kernel_init=kernel_init)
