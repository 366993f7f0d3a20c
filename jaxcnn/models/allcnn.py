"""The all-convolutional network: strides instead of pools, means instead of matrices."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import ConvNormAct
from jaxcnn.models.initializers import he_fan_in
from jaxcnn.models.inputs import Window, check_images, smallest_input
from jaxcnn.models.parts import bound, classify_maps, dropped
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype

# Kernel size, stride, padding; the widths are `width` for the first three, then twice that.
WINDOWS = (
    *(Window(3, 1, 1), Window(3, 1, 1), Window(3, 2, 1)),
    *(Window(3, 1, 1), Window(3, 1, 1), Window(3, 2, 1)),
    *(Window(3), Window(1)),
)


class AllCNN(nn.Module):
    """All-CNN-C for 32x32 images: nine convolutions and a mean (Springenberg et al. 2015).

    ```
    conv1-2 3x3 96 - conv3 3x3/2 96 - conv4-5 3x3 192 - conv6 3x3/2 192 - conv7 3x3 192 -
    conv8 1x1 192 - head 1x1 K - mean over 6x6
    ```

    conv7 is not padded, which makes the 6x6 positions of table 1. As there, the head too has a
    ReLU. Dropout takes the input and what follows the strided convolutions (section 3.1).
    Weights start as in He et al. 2015, with fan-in; the paper does not say how.

    Attributes:
      num_classes: Number of classes; 0 returns the mean of the last 192 maps.
      width: Features of the first three convolutions; later ones have twice as many.
      input_dropout: Share of the input dropped in training, in [0, 1).
      dropout: Share of the features dropped after the strided convolutions, in [0, 1).
      norm: What makes a norm in each convolution unit, or None as in the paper.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Springenberg et al. 2015, "Striving for simplicity", table 1, All-CNN-C.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((1, 32, 32, 3))
      >>> variables = jax.eval_shape(AllCNN().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      1369738
    """

    num_classes: int = 10
    width: int = 96
    input_dropout: float = 0.2
    dropout: float = 0.5
    norm: Callable[..., Any] | None = None
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        return smallest_input(WINDOWS)

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C), H and W at least 9, to logits (N, num_classes)."""
        check_images("allcnn", x, self.min_size, "conv7")
        conv, norm = bound(self, train, kernel_init=he_fan_in)
        x = dropped(x, self.input_dropout, train, "input_dropout")
        for i, window in enumerate(WINDOWS, 1):
            unit = ConvNormAct(
                self.width if i <= 3 else 2 * self.width,
                window.kernel_size,
                window.stride,
                window.padding,
                conv=conv,
                norm=norm,
                act=self.act,
                name=f"conv{i}",
            )
            x = unit(x)
            if window.stride > 1:
                x = dropped(x, self.dropout, train, f"conv{i}_dropout")
        return classify_maps(self, x, train, drop=False, kernel_init=he_fan_in)


VARIANTS = {
    "allcnn_c": Variant(AllCNN, 1_369_738, "Springenberg et al. 2015, table 1", input_size=32),
}
