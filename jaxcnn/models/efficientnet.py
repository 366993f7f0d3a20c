"""EfficientNet (Tan & Le 2019), EfficientNet-Lite, EfficientNet-v2 (Tan & Le 2021)."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.checks import Report
from jaxcnn.models.inputs import check_images
from jaxcnn.models.inverted import Row, expanded, inverted_trunk, scaled
from jaxcnn.models.parts import classify
from jaxcnn.models.variant import Variant
from jaxcnn.models.widths import make_divisible
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array, Dtype

B0 = (
    Row(1, 3, 1, 16, 1),
    Row(6, 3, 2, 24, 2),
    Row(6, 5, 2, 40, 2),
    Row(6, 3, 2, 80, 3),
    Row(6, 5, 1, 112, 3),
    Row(6, 5, 2, 192, 4),
    Row(6, 3, 1, 320, 1),
)
"""Tan & Le 2019, table 1."""


class EfficientNet(nn.Module):
    """EfficientNet: inverted residual blocks whose width, depth and image grow together.

    ```
    stem 3x3/2 -> stage1 ... stage7: rows of inverted residual blocks -> top 1x1 -> mean -> head
    ```

    One class is three families. B0 to B7 scale one searched network: each step up the ladder
    multiplies depth by 1.2, width by 1.1 and resolution by 1.15, to some power. Lite0 to Lite4
    are the same without squeeze-and-excitation, with ReLU6 for SiLU, with stem and top that do
    not grow, and with the padding of TensorFlow, from which their weights come. In v2 the early
    stages are fused, and images are larger.

    Convolutions start from He's normal numbers (fan out), the head from uniform ones in
    +-1/sqrt(num_classes), as in torchvision.

    Attributes:
      stages: The table: tuples of expansion, kernel size, stride, features, repeats, and whether
        the blocks are fused.
      num_classes: Number of classes; 0 returns the averaged features.
      stem: Channels of the first convolution.
      top: Channels of the last one.
      squeeze_ratio: Share of a block's input channels to which its squeeze-and-excitation goes
        down; 0 for none. Fused blocks have none.
      padding: Of the stem and the depthwise convolutions: None for half the kernel, "SAME" for
        TensorFlow's, which for a stride of 2 and an even size pads below and right only.
      dropout: Share of the averaged features dropped in training, in [0, 1).
      stochastic_depth: Probability with which training drops a block's branch, in [0, 1]: it
        grows linearly from 0 at the first block, and would be reached behind the last.
      zero_init: Whether the last norm of each block with a shortcut starts with scale 0.
      remat: Whether the backward pass recomputes each block rather than keep its activations.
      norm: What makes a norm, called `norm(use_running_average=..., dtype=..., name=...)(x)`.
      act: Nonlinearity, also of squeeze-and-excitation.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Tan & Le 2019, table 1 and equation 3; Tan & Le 2021, table 4; for Lite, the
    `efficientnet/lite` folder of the TensorFlow TPU models. v2 as in torchvision: 24 channels in
    the stem of S and M, a top of 1,280.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((2, 224, 224, 3))
      >>> variables = jax.eval_shape(EfficientNet().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      5288548
    """

    stages: tuple[Row | tuple[Any, ...], ...] = B0
    num_classes: int = 1000
    stem: int = 32
    top: int = 1280
    squeeze_ratio: float = 0.25
    padding: Any = None
    dropout: float = 0.2
    stochastic_depth: float = 0.2
    zero_init: bool = False
    remat: bool = False
    norm: Callable[..., Any] | None = layers.BatchNormConfig()
    act: Callable[[Array], Array] = nn.silu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels: padded strides never end."""
        return 1

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) of any size to logits (N, num_classes)."""
        check_images("efficientnet", x, self.min_size, "stem")
        report = Report("efficientnet", x)
        report.fraction("squeeze_ratio", self.squeeze_ratio)
        report.done()
        blocks = expanded(self.stages, self.stem, self.squeeze_ratio)
        x = inverted_trunk(self, x, blocks, train, padding=self.padding, act=self.act)
        uniform = nn.initializers.variance_scaling(1 / 3, "fan_out", "uniform")
        return classify(self, global_avg_pool(x), train, kernel_init=uniform)


TF_NORM = layers.BatchNormConfig(momentum=0.99, epsilon=1e-3)
"""Of the networks whose weights come from TensorFlow."""


def _b(width: float, depth: float, size: int, dropout: float, params: int) -> Variant:
    fields = {
        "stages": scaled(B0, width, depth),
        "stem": make_divisible(32 * width),
        "top": 4 * make_divisible(320 * width),
        "dropout": dropout,
    }
    if width >= 1.6:  # B5 to B7
        fields["norm"] = TF_NORM
    return Variant(EfficientNet, params, "Tan & Le 2019, table 1, equation 3", fields, size)


def _lite(width: float, depth: float, size: int, dropout: float, params: int) -> Variant:
    fields = {
        "stages": scaled(B0, width, depth, fixed_ends=True),
        "squeeze_ratio": 0.0,
        "padding": "SAME",
        "dropout": dropout,
        "norm": TF_NORM,
        "act": nn.relu6,
    }
    return Variant(EfficientNet, params, "EfficientNet-Lite (TensorFlow, 2020)", fields, size)


def _v2(stages: tuple[Row, ...], stem: int, size: int, dropout: float, params: int) -> Variant:
    fields = {"stages": stages, "stem": stem, "dropout": dropout}
    fields["norm"] = layers.BatchNormConfig(epsilon=1e-3)
    return Variant(EfficientNet, params, "Tan & Le 2021, table 4", fields, size)


V2_S = (
    Row(1, 3, 1, 24, 2, fused=True),
    Row(4, 3, 2, 48, 4, fused=True),
    Row(4, 3, 2, 64, 4, fused=True),
    Row(4, 3, 2, 128, 6),
    Row(6, 3, 1, 160, 9),
    Row(6, 3, 2, 256, 15),
)
V2_M = (
    Row(1, 3, 1, 24, 3, fused=True),
    Row(4, 3, 2, 48, 5, fused=True),
    Row(4, 3, 2, 80, 5, fused=True),
    Row(4, 3, 2, 160, 7),
    Row(6, 3, 1, 176, 14),
    Row(6, 3, 2, 304, 18),
    Row(6, 3, 1, 512, 5),
)
V2_L = (
    Row(1, 3, 1, 32, 4, fused=True),
    Row(4, 3, 2, 64, 7, fused=True),
    Row(4, 3, 2, 96, 7, fused=True),
    Row(4, 3, 2, 192, 10),
    Row(6, 3, 1, 224, 19),
    Row(6, 3, 2, 384, 25),
    Row(6, 3, 1, 640, 7),
)

VARIANTS = {
    "efficientnet_b0": _b(1.0, 1.0, 224, 0.2, 5_288_548),
    "efficientnet_b1": _b(1.0, 1.1, 240, 0.2, 7_794_184),
    "efficientnet_b2": _b(1.1, 1.2, 288, 0.3, 9_109_994),
    "efficientnet_b3": _b(1.2, 1.4, 300, 0.3, 12_233_232),
    "efficientnet_b4": _b(1.4, 1.8, 380, 0.4, 19_341_616),
    "efficientnet_b5": _b(1.6, 2.2, 456, 0.4, 30_389_784),
    "efficientnet_b6": _b(1.8, 2.6, 528, 0.5, 43_040_704),
    "efficientnet_b7": _b(2.0, 3.1, 600, 0.5, 66_347_960),
    "efficientnet_lite0": _lite(1.0, 1.0, 224, 0.2, 4_652_008),
    "efficientnet_lite1": _lite(1.0, 1.1, 240, 0.2, 5_416_680),
    "efficientnet_lite2": _lite(1.1, 1.2, 260, 0.3, 6_092_072),
    "efficientnet_lite3": _lite(1.2, 1.4, 280, 0.3, 8_197_096),
    "efficientnet_lite4": _lite(1.4, 1.8, 300, 0.3, 13_006_568),
    "efficientnet_v2_s": _v2(V2_S, 24, 384, 0.2, 21_458_488),
    "efficientnet_v2_m": _v2(V2_M, 24, 480, 0.3, 54_139_356),
    "efficientnet_v2_l": _v2(V2_L, 32, 480, 0.4, 118_515_272),
}
