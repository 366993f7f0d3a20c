"""MNASNet (Tan et al. 2019)."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.models.inputs import check_images
from jaxcnn.models.inverted import Row, expanded, inverted_trunk, scaled
from jaxcnn.models.parts import classify
from jaxcnn.models.variant import Variant
from jaxcnn.models.widths import make_divisible
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array, Dtype

B1 = (
    Row(1, 3, 1, 16, 1),
    Row(3, 3, 2, 24, 3),
    Row(3, 5, 2, 40, 3),
    Row(6, 5, 2, 80, 3),
    Row(6, 3, 1, 96, 2),
    Row(6, 5, 2, 192, 4),
    Row(6, 3, 1, 320, 1),
)
"""The network without squeeze-and-excitation."""


class MNASNet(nn.Module):
    """MNASNet-B1: inverted residual blocks, whose table was searched for speed on a telephone.

    ```
    stem 3x3/2 -> stage1 ... stage7: rows of inverted residual blocks -> top 1x1 -> mean -> head
    ```

    The first stage is a separable convolution. EfficientNet grew from this table. Convolutions
    start from He's normal numbers (fan out), the head from uniform ones in
    +-sqrt(3 / num_classes), as in torchvision.

    Attributes:
      stages: The table: tuples of expansion, kernel size, stride, features and repeats.
      num_classes: Number of classes; 0 returns the averaged features.
      stem: Channels of the first convolution.
      top: Channels of the last one, whatever the width of the others is.
      dropout: Share of the averaged features dropped in training, in [0, 1).
      stochastic_depth: Probability with which training drops a block's branch, in [0, 1]: it
        grows linearly from 0 at the first block, and would be reached behind the last.
      zero_init: Whether the last norm of each block with a shortcut starts with scale 0.
      remat: Whether the backward pass recomputes each block rather than keep its activations.
      norm: What makes a norm, called `norm(use_running_average=..., dtype=..., name=...)(x)`. Its
        statistics move by 0.0003 a step, the paper's value for long training.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Tan et al. 2019, figure 7 (A1) and section 6.2; B1 as in torchvision.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((2, 224, 224, 3))
      >>> variables = jax.eval_shape(MNASNet().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      4383312
    """

    stages: tuple[Row | tuple[Any, ...], ...] = B1
    num_classes: int = 1000
    stem: int = 32
    top: int = 1280
    dropout: float = 0.2
    stochastic_depth: float = 0.0
    zero_init: bool = False
    remat: bool = False
    norm: Callable[..., Any] | None = layers.BatchNormConfig(momentum=0.9997)
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels: padded strides never end."""
        return 1

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) of any size to logits (N, num_classes)."""
        check_images("mnasnet", x, self.min_size, "stem")
        x = inverted_trunk(self, x, expanded(self.stages, self.stem), train)
        uniform = nn.initializers.variance_scaling(1.0, "fan_out", "uniform")
        return classify(self, global_avg_pool(x), train, kernel_init=uniform)


def _variant(width: float, params: int) -> Variant:
    fields = {"stages": scaled(B1, width), "stem": make_divisible(32 * width)}
    return Variant(MNASNet, params, "Tan et al. 2019, figure 7 and table 3", fields)


VARIANTS = {
    "mnasnet0_5": _variant(0.5, 2_218_512),
    "mnasnet0_75": _variant(0.75, 3_170_208),
    "mnasnet1_0": _variant(1.0, 4_383_312),
    "mnasnet1_3": _variant(1.3, 6_282_256),
}
