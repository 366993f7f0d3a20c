"""The generic network of the course: [(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import bound, classify, dropped
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


class ConvNet(nn.Module):
    """`[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX`, with optional norms and dropout.

    The pattern is that of the CS231n notes, "Convolutional Neural Networks: Layer Patterns";
    the softmax belongs to the loss.

    Attributes:
      num_classes: Number of classes; 0 returns the features before the last layer.
      stages: One `(features, convolutions, pool)` for each of the M stages; `pool` says whether
        a 2x2 max-pooling closes it.
      hidden: Widths of the K fully connected layers.
      kernel_size: Height and width of the convolutions, which keep the size.
      flatten: Whether the fully connected part sees every position, or the mean over them.
      stage_dropout: Share of the features dropped after each stage in training, in [0, 1).
      dropout: Share dropped before each fully connected layer in training, in [0, 1).
      norm: `None`, or what makes the norm between a convolution and its ReLU.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> model = ConvNet(num_classes=5, stages=((4, 1, True),), hidden=())
      >>> logits, _ = model.init_with_output(jax.random.key(0), jnp.zeros((2, 8, 8, 3)))
      >>> logits.shape
      (2, 5)
    """

    num_classes: int = 10
    stages: tuple[tuple[int, int, bool], ...] = ((32, 2, True), (64, 2, True))
    hidden: tuple[int, ...] = (128,)
    kernel_size: int = 3
    flatten: bool = True
    stage_dropout: float = 0.0
    dropout: float = 0.0
    norm: Callable[..., Any] | None = layers.BatchNormConfig()
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        return 2 ** sum(pool for *_, pool in self.stages)

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) to logits (N, num_classes)."""
        check_images("convnet", x, self.min_size, f"stage{len(self.stages)}")
        conv, norm = bound(self, train, use_bias=self.norm is None)
        for i, (features, convolutions, pool) in enumerate(self.stages, 1):
            kernel = (self.kernel_size, self.kernel_size)
            stage = partial(ConvStage, features, convolutions, kernel, conv, norm, self.act)
            x = stage(name=f"stage{i}")(x)
            if pool:
                x = layers.max_pool(x, (2, 2), (2, 2))
            x = dropped(x, self.stage_dropout, train, f"stage{i}_dropout")
        x = x.reshape(x.shape[0], -1) if self.flatten else x.mean((1, 2))
        for i, features in enumerate(self.hidden, 1):
            x = dropped(x, self.dropout, train, f"fc{i}_dropout")
            x = self.act(nn.Dense(features, dtype=self.dtype, name=f"fc{i}")(x))
        return classify(self, x, train)


class ConvStage(nn.Module):
    """`(CONV-NORM?-RELU)*N`, all with the same number of features."""

    features: int
    convolutions: int
    kernel_size: tuple[int, int]
    conv: Callable[..., Any]
    norm: Callable[..., Any] | None
    act: Callable[[Array], Array]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H, W, features)."""
        for j in range(1, self.convolutions + 1):
            x = self.conv(self.features, self.kernel_size, name=f"conv{j}")(x)
            if self.norm is not None:
                x = self.norm(name=f"norm{j}")(x)
            x = self.act(x)
        return x


VARIANTS = {
    "convnet": Variant(ConvNet, 468_010, "CS231n notes, layer patterns", input_size=28, channels=1),
}
