"""U-Net (Ronneberger et al. 2015): a class for every pixel."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import DoubleConv, UNetDown, UNetUp
from jaxcnn.checks import Report
from jaxcnn.models.initializers import he_each_tap, he_fan_in
from jaxcnn.models.inputs import as_logits, check_images
from jaxcnn.models.parts import bound, dropped, recomputed
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


class UNet(nn.Module):
    """The U-Net: halve `depth` times, keeping each map, and double again beside what was kept.

    ```
    x -> down1 -.-> down2 -.-> ... -> bottom -> ... -> up2 -> up1 -> head 1x1
                `----------+---------------------------+-------'
    ```

    Step i of either side has `width * 2 ** (i - 1)` features. With valid convolutions
    (`padding=0`, the paper) the map of logits is smaller than the image by 4 * (3 * 2**depth - 2),
    and every pooling must meet an even size, so that the halves lie on top of each other again:
    images have 188, 204, ..., 572, ... pixels a side, 572 of which give 388. With `padding=1`
    images of any size keep it. Kernels start with variance 2 / N, where an output sums N numbers
    (section 3): in transposed convolutions it sees one tap, so N is the channels of the input.

    Attributes:
      num_classes: Number of classes; 0 returns the last maps of the decoder.
      width: Features of the first step.
      depth: Number of halvings.
      padding: 0 for valid convolutions, 1 for those that keep the size.
      up: What doubles the size: `"transpose"`, `"nearest"` or `"bilinear"`.
      dropout: Share of the features dropped at the bottom in training, in [0, 1). The paper drops
        at the end of the contracting path at a rate that it does not give.
      remat: Whether the backward pass recomputes each step rather than keep its activations.
      norm: What makes a norm; None for none, and then convolutions have biases.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      conv_transpose: Constructor of the transposed ones.
      dtype: Type of the computation; parameters stay float32.

    Source: Ronneberger et al. 2015, figure 1 and section 3.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((1, 572, 572, 1))
      >>> logits, variables = jax.eval_shape(UNet().init_with_output, jax.random.key(0), images)
      >>> logits.shape, sum(p.size for p in jax.tree.leaves(variables["params"]))
      ((1, 388, 388, 2), 31030658)
    """

    num_classes: int = 2
    width: int = 64
    depth: int = 4
    padding: int = 0
    up: str = "transpose"
    dropout: float = 0.0
    remat: bool = False
    norm: Callable[..., Any] | None = None
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    conv_transpose: Callable[..., Any] = layers.ConvTranspose
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        if self.padding:
            return 2**self.depth
        # The bottom needs 8 pixels a side to leave some for the convolutions above it (7 or 5
        # where there are fewer of these), and 4 are lost at each size on the way down.
        return 2**self.depth * (8 - 3 // 2**self.depth) + self._margin

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) to logits (N, H', W', num_classes).

        Raises:
          ValueError: If `x` is not such a batch, or if a pooling would meet an odd size.
        """
        check_images("unet", x, self.min_size, "up1" if self.padding == 0 else "bottom")
        self._expect_even(x)
        conv, norm = bound(self, train, kernel_init=he_fan_in)
        wiring = {"padding": self.padding, "conv": conv, "norm": norm, "act": self.act}
        down, bottom, up = (recomputed(b, self.remat) for b in (UNetDown, DoubleConv, UNetUp))
        skips = []
        for i in range(self.depth):
            x, skip = down(self.width * 2**i, **wiring, name=f"down{i + 1}")(x)
            skips.append(skip)
        x = bottom(self.width * 2**self.depth, **wiring, name="bottom")(x)
        x = dropped(x, self.dropout, train, "bottom_dropout")
        transpose = partial(self.conv_transpose, dtype=self.dtype, kernel_init=he_each_tap)
        for i in reversed(range(self.depth)):
            step = up(
                self.width * 2**i,
                up=self.up,
                conv_transpose=transpose,
                **wiring,
                name=f"up{i + 1}",
            )
            x = step(x, skips[i])
        return label_pixels(self, x, conv)

    @property
    def _margin(self) -> int:
        """Pixels that valid convolutions take on the way down, in pixels of the image."""
        return 4 * (2**self.depth - 1)

    def _expect_even(self, x: Array) -> None:
        report, step = Report("unet", x), 2**self.depth
        for axis in (1, 2) if self.padding == 0 else ():
            size, over = x.shape[axis], (x.shape[axis] - self._margin) % step
            rule = (
                f"axis {axis} has {size} pixels, but valid convolutions take {self.min_size}, "
                f"{self.min_size + step}, {self.min_size + 2 * step}, ...: with others a 2x2 "
                "pooling meets an odd size"
            )
            fix = (
                f"cut to {size - over} or mirror the border to {size - over + step}, "
                "or use padding=1"
            )
            report.expect(over == 0, "x", x, rule, fix)
        report.done()


def label_pixels(model: Any, x: Array, conv: Any) -> Array:
    """Return the logits of maps (N, H, W, F), or the maps where there are no classes."""
    if model.num_classes == 0:
        return as_logits(x)
    return as_logits(conv(model.num_classes, (1, 1), name="head")(x))


PAPER = "Ronneberger et al. 2015, figure 1"
VARIANTS = {
    "unet": Variant(UNet, 31_030_658, PAPER, input_size=572, channels=1),
    "unet_padded": Variant(
        UNet,
        31_036_546,
        f"{PAPER}; padded, with batch norm",
        {"padding": 1, "norm": layers.BatchNormConfig()},
        input_size=512,
        channels=1,
    ),
}
