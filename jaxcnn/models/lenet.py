"""LeNet-5, the network that read the cheques (LeCun et al. 1998)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import Named, classify, dropped
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


class LeNet5(nn.Module):
    """LeNet-5 with full connections between S2 and C3, as it is taught today.

    `conv5x5(6) - pool - conv5x5(16) - pool - fc(120) - fc(84) - fc(K)`: 61,706 parameters for
    ten classes. The paper's network differs in its sparse C3, its trainable subsampling and
    its radial-basis output (LeCun et al. 1998, section II.B): that is `lenet5_paper`.

    `conv1`, `conv2`, `fc1` and `fc2` put out what stands before the nonlinearity; the squashed
    maps are the inputs of `pool1` and `pool2`, the squashed features those of `fc2` and `head`.

    Attributes:
      num_classes: Number of classes K; 0 returns the 84 features before the last layer.
      act: Nonlinearity after each layer but the last.
      pool: `pool(x, window_shape=..., strides=...)`; the paper averages.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dropout: Share of the 120 and 84 features dropped in training, in [0, 1); the paper has none.
      dtype: Type of the computation; parameters stay float32.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> logits, _ = LeNet5().init_with_output(jax.random.key(0), jnp.zeros((2, 32, 32, 1)))
      >>> logits.shape
      (2, 10)
    """

    num_classes: int = 10
    act: Callable[[Array], Array] = nn.tanh
    pool: Callable[..., Array] = layers.avg_pool
    conv: Callable[..., Any] = layers.Conv
    dropout: float = 0.0
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        return 16

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C), H and W at least 16 (the paper: 32), to logits (N, K)."""
        check_images("lenet5", x, self.min_size, "pool2")
        pool = partial(self.pool, window_shape=(2, 2), strides=(2, 2))
        for i, features in enumerate((6, 16), 1):
            conv = self.conv(features, (5, 5), padding="VALID", dtype=self.dtype, name=f"conv{i}")
            x = Named(pool, name=f"pool{i}")(self.act(conv(x)))
        x = x.reshape(x.shape[0], -1)
        x = self.act(nn.Dense(120, dtype=self.dtype, name="fc1")(x))
        x = dropped(x, self.dropout, train, "fc1_dropout")
        x = self.act(nn.Dense(84, dtype=self.dtype, name="fc2")(x))
        return classify(self, x, train)


VARIANTS = {
    "lenet5": Variant(LeNet5, 61_706, "LeCun et al. 1998, section II.B", input_size=32, channels=1),
}
