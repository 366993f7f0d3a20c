"""MobileNet-v2 (Sandler et al. 2018)."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.models.initializers import normal_001
from jaxcnn.models.inputs import check_images
from jaxcnn.models.inverted import Row, expanded, inverted_trunk
from jaxcnn.models.parts import classify
from jaxcnn.models.variant import Variant
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array, Dtype

TABLE_2 = (
    Row(1, 3, 1, 16, 1),
    Row(6, 3, 2, 24, 2),
    Row(6, 3, 2, 32, 3),
    Row(6, 3, 2, 64, 4),
    Row(6, 3, 1, 96, 3),
    Row(6, 3, 2, 160, 3),
    Row(6, 3, 1, 320, 1),
)


class MobileNetV2(nn.Module):
    """MobileNet-v2: the network for which inverted residuals with linear bottlenecks were made.

    ```
    stem 3x3/2 -> stage1 ... stage7: rows of inverted residual blocks -> top 1x1 -> mean -> head
    ```

    Blocks are wide inside, where a depthwise convolution is cheap, and narrow outside, where no
    ReLU may destroy what few channels hold. Convolutions start from He's normal numbers (fan
    out), the head from deviation 0.01, as in torchvision.

    Attributes:
      stages: The table: tuples of expansion, kernel size, stride, features and repeats.
      num_classes: Number of classes; 0 returns the averaged features.
      stem: Channels of the first convolution.
      top: Channels of the last one.
      dropout: Share of the averaged features dropped in training, in [0, 1).
      stochastic_depth: Probability with which training drops a block's branch, in [0, 1]: it
        grows linearly from 0 at the first block, and would be reached behind the last.
      zero_init: Whether the last norm of each block with a shortcut starts with scale 0.
      remat: Whether the backward pass recomputes each block rather than keep its activations.
      norm: What makes a norm, called `norm(use_running_average=..., dtype=..., name=...)(x)`.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Sandler et al. 2018, table 2.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((2, 224, 224, 3))
      >>> variables = jax.eval_shape(MobileNetV2().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      3504872
    """

    stages: tuple[Row | tuple[Any, ...], ...] = TABLE_2
    num_classes: int = 1000
    stem: int = 32
    top: int = 1280
    dropout: float = 0.2
    stochastic_depth: float = 0.0
    zero_init: bool = False
    remat: bool = False
    norm: Callable[..., Any] | None = layers.BatchNormConfig()
    act: Callable[[Array], Array] = nn.relu6
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels: padded strides never end."""
        return 1

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) of any size to logits (N, num_classes)."""
        check_images("mobilenet_v2", x, self.min_size, "stem")
        x = inverted_trunk(self, x, expanded(self.stages, self.stem), train)
        return classify(self, global_avg_pool(x), train, kernel_init=normal_001)


VARIANTS = {"mobilenet_v2": Variant(MobileNetV2, 3_504_872, "Sandler et al. 2018, table 2")}
