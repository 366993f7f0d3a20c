"""MobileNet-v3 (Howard et al. 2019)."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import FullyConnected
from jaxcnn.models.initializers import normal_001
from jaxcnn.models.inputs import check_images
from jaxcnn.models.inverted import Inverted, inverted_trunk
from jaxcnn.models.parts import classify
from jaxcnn.models.variant import Variant
from jaxcnn.models.widths import make_divisible
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array, Dtype


class Bneck(NamedTuple):
    """A row of the paper's tables: one inverted residual block.

    Attributes:
      kernel_size: Height and width of the depthwise kernel.
      hidden: Channels of the inside.
      features: Channels of the output.
      excite: Whether there is squeeze-and-excitation.
      hard: Whether the nonlinearity is the model's `act` ("HS"), not its `early_act` ("RE").
      stride: Stride of the depthwise convolution.
    """

    kernel_size: int
    hidden: int
    features: int
    excite: bool
    hard: bool
    stride: int


LARGE = (
    (Bneck(3, 16, 16, False, False, 1),),
    (Bneck(3, 64, 24, False, False, 2), Bneck(3, 72, 24, False, False, 1)),
    (Bneck(5, 72, 40, True, False, 2), *[Bneck(5, 120, 40, True, False, 1)] * 2),
    (
        Bneck(3, 240, 80, False, True, 2),
        Bneck(3, 200, 80, False, True, 1),
        *[Bneck(3, 184, 80, False, True, 1)] * 2,
    ),
    (Bneck(3, 480, 112, True, True, 1), Bneck(3, 672, 112, True, True, 1)),
    (Bneck(5, 672, 160, True, True, 2), *[Bneck(5, 960, 160, True, True, 1)] * 2),
)
"""Howard et al. 2019, table 1; a stage holds the blocks of one width."""

SMALL = (
    (Bneck(3, 16, 16, True, False, 2),),
    (Bneck(3, 72, 24, False, False, 2), Bneck(3, 88, 24, False, False, 1)),
    (Bneck(5, 96, 40, True, True, 2), *[Bneck(5, 240, 40, True, True, 1)] * 2),
    (Bneck(5, 120, 48, True, True, 1), Bneck(5, 144, 48, True, True, 1)),
    (Bneck(5, 288, 96, True, True, 2), *[Bneck(5, 576, 96, True, True, 1)] * 2),
)
"""Howard et al. 2019, table 2."""


class MobileNetV3(nn.Module):
    """MobileNet-v3: searched inverted residuals, some excited, with cheap nonlinearities.

    ```
    stem 3x3/2 -> stage1 ... stage6: inverted residual blocks -> top 1x1 -> mean -> fc -> head
    ```

    The hard swish x relu6(x + 3) / 6 replaces the ReLU where maps are small, and the hard sigmoid
    relu6(x + 3) / 6 gates the excited blocks. The expensive last layer works on the mean: `fc`.
    Convolutions start from He's normal numbers (fan out), linear layers from deviation 0.01, as
    in torchvision.

    Attributes:
      stages: The blocks of each stage: tuples of kernel size, inner channels, features, whether
        it has squeeze-and-excitation, whether its nonlinearity is `act`, and stride.
      num_classes: Number of classes; 0 returns the output of `fc`.
      stem: Channels of the first convolution.
      top: Channels of the last one.
      fc: Width of the layer before the head.
      dropout: Share of the features dropped in training before the head, in [0, 1).
      stochastic_depth: Probability with which training drops a block's branch, in [0, 1]: it
        grows linearly from 0 at the first block, and would be reached behind the last.
      zero_init: Whether the last norm of each block with a shortcut starts with scale 0.
      remat: Whether the backward pass recomputes each block rather than keep its activations.
      norm: What makes a norm, called `norm(use_running_average=..., dtype=..., name=...)(x)`.
      act: Nonlinearity of stem, top, `fc` and the late blocks.
      early_act: Nonlinearity of the early blocks and within squeeze-and-excitation.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Howard et al. 2019, tables 1 and 2, section 5.2. The squeezed width is, as in
    torchvision, a quarter of the inner channels, rounded to a multiple of 8.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((2, 224, 224, 3))
      >>> variables = jax.eval_shape(MobileNetV3().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      5483032
    """

    stages: tuple[tuple[Bneck | tuple[Any, ...], ...], ...] = LARGE
    num_classes: int = 1000
    stem: int = 16
    top: int = 960
    fc: int = 1280
    dropout: float = 0.2
    stochastic_depth: float = 0.0
    zero_init: bool = False
    remat: bool = False
    norm: Callable[..., Any] | None = layers.BatchNormConfig(momentum=0.99, epsilon=1e-3)
    act: Callable[[Array], Array] = nn.hard_swish
    early_act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels: padded strides never end."""
        return 1

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) of any size to logits (N, num_classes)."""
        check_images("mobilenet_v3", x, self.min_size, "stem")
        blocks = [[self._block(Bneck._make(row)) for row in stage] for stage in self.stages]
        gates = {"act": self.early_act, "gate": nn.hard_sigmoid}
        x = global_avg_pool(inverted_trunk(self, x, blocks, train, **gates))
        options: dict[str, Any] = {"kernel_init": normal_001, "dtype": self.dtype}
        x = FullyConnected(self.fc, act=self.act, **options, name="fc")(x)
        return classify(self, x, train, kernel_init=normal_001)

    def _block(self, row: Bneck) -> Inverted:
        squeeze = make_divisible(row.hidden // 4) if row.excite else 0
        act = self.act if row.hard else self.early_act
        return Inverted(row.features, row.hidden, row.kernel_size, row.stride, squeeze, act)


VARIANTS = {
    "mobilenet_v3_large": Variant(MobileNetV3, 5_483_032, "Howard et al. 2019, table 1"),
    "mobilenet_v3_small": Variant(
        MobileNetV3,
        2_542_856,
        "Howard et al. 2019, table 2",
        {"stages": SMALL, "top": 576, "fc": 1024},
    ),
}
