"""The LeNets as published, of which each weight is accounted for in the papers."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import ConvNormAct, FullyConnected
from jaxcnn.checks import Report
from jaxcnn.models.inputs import check_images
from jaxcnn.models.lenet_layers import RadialBasis, SparseConv, Subsampling, by_fan_in, table
from jaxcnn.models.parts import classify, dropped
from jaxcnn.models.variant import Variant
from jaxcnn.ops.act import scaled_tanh
from jaxcnn.typing import Array, Dtype

# LeCun et al. 1998, table I: rows are the maps of S2, columns those of C3.
C3 = table(
    [
        "X...XXX..XXXX.XX",
        "XX...XXX..XXXX.X",
        "XXX...XXX..X.XXX",
        ".XXX..XXXX..X.XX",
        "..XXX..XXXX.XX.X",
        "...XXX..XXXX.XXX",
    ]
)

# LeCun et al. 1990, table 1: rows are the maps of H2, columns those of H3.
H3 = table(
    [
        "XXX.XX......",
        ".XXXXX......",
        "......XXX.XX",
        ".......XXXXX",
    ]
)


class LeNetPaper(nn.Module):
    """LeNet-1 and LeNet-5 with sparse connections, trainable subsampling and codes as output.

    ```
    c1 conv 5x5 - s2 subsampling - c3 sparse conv 5x5 - s4 subsampling - c5 - f6 - head
    ```

    Every layer but the last is squashed by `1.7159 tanh(2 x / 3)`. The papers count, for
    LeNet-5 on 32x32 pixels, 156 + 12 + 1,516 + 32 + 48,120 + 10,164 = 60,000 trainable
    parameters, and for LeNet-1 on 28x28, 104 + 8 + 512 + 24 + 1,930 = 2,578.

    Weights start uniformly within 2.4 / fan-in (LeCun et al. 1998, appendix A), biases at zero.
    Where the papers squash LeNet-1's ten outputs and train them towards -1 and 1, `head` gives
    logits. C5 takes all of S4, so that its size depends on that of the images.

    Attributes:
      num_classes: Number of classes; 0 returns the features before the last layer. Codes exist
        for the ten digits: more classes need `output="linear"`.
      maps: Maps of C1, and so of S2.
      connections: For each map of C3, the maps of S2 that it sees, counted from 0.
      hidden: Widths of the fully connected layers: C5, F6 and on.
      output: `"rbf"` for negative distances to the digits' codes, without parameters, which
        needs 84 features; `"linear"` for a trained layer.
      dropout: Share of the input dropped in training before each layer after C5, in [0, 1); the
        papers have none.
      act: Nonlinearity.
      conv: Constructor of the first convolution, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: LeCun et al. 1998, section II.B; LeCun et al. 1990, "Handwritten digit recognition
    with a back-propagation network".

    Example:
      >>> import jax, jax.numpy as jnp
      >>> variables = jax.eval_shape(
      ...     LeNetPaper().init, jax.random.key(0), jnp.zeros((2, 32, 32, 1))
      ... )
      >>> sizes = {k: sum(p.size for p in jax.tree.leaves(v)) for k, v in
      ...     variables["params"].items()}
      >>> sizes
      {'c1': 156, 'c3': 1516, 'c5': 48120, 'f6': 10164, 's2': 12, 's4': 32}
    """

    num_classes: int = 10
    maps: int = 6
    connections: tuple[tuple[int, ...], ...] = C3
    hidden: tuple[int, ...] = (120, 84)
    output: str = "rbf"
    dropout: float = 0.0
    act: Callable[[Array], Array] = scaled_tanh
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        return 16

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C), H and W at least 16, to logits (N, num_classes)."""
        check_images("lenet", x, self.min_size, "s4")
        report = Report("lenet", x)
        report.choice("output", self.output, ("rbf", "linear"))
        report.done()
        conv = partial(self.conv, dtype=self.dtype, kernel_init=by_fan_in)
        unit = {"act": self.act, "dtype": self.dtype}
        c1 = ConvNormAct(self.maps, 5, padding=0, conv=conv, norm=None, act=self.act, name="c1")
        x = Subsampling(**unit, name="s2")(c1(x))
        x = SparseConv(self.connections, **unit, name="c3")(x)
        x = Subsampling(**unit, name="s4")(x)
        x = x.reshape(x.shape[0], -1)
        for i, features in enumerate(self.hidden, 5):
            if i > 5:
                x = dropped(x, self.dropout, train, f"f{i}_dropout")
            name = f"f{i}" if i > 5 else "c5"  # the papers count C5 among the convolutions
            x = FullyConnected(features, by_fan_in, **unit, name=name)(x)
        if self.output == "linear" or self.num_classes == 0:
            return classify(self, x, train, kernel_init=by_fan_in)
        x = dropped(x, self.dropout, train, "head_dropout")
        return RadialBasis(self.num_classes, name="head")(x)


LENET1 = {"maps": 4, "connections": H3, "hidden": (), "output": "linear"}
VARIANTS = {
    "lenet1": Variant(
        LeNetPaper, 2_578, "LeCun et al. 1990, NIPS 2", LENET1, input_size=28, channels=1
    ),
    "lenet5_paper": Variant(
        LeNetPaper, 60_000, "LeCun et al. 1998, section II.B", input_size=32, channels=1
    ),
}
