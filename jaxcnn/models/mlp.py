"""The fully connected baseline, of which convolutional networks are a constrained case."""

from collections.abc import Callable

from flax import linen as nn

from jaxcnn.blocks import FullyConnected
from jaxcnn.models.initializers import he_fan_in
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import classify, dropped
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


class MLP(nn.Module):
    """Fully connected layers on all pixels: `flatten - [fc - act]*K - fc`.

    Without hidden layers it is the linear classifier, in which each class has a weight for every
    pixel: 5x5 grey pixels and ten classes make (25 + 1) 10 = 260 parameters. Neither knows which
    pixels are neighbours; the number of parameters depends on the size of the images.

    Hidden layers start as in He et al. 2015 ("Delving deep into rectifiers", equation 10).

    Attributes:
      num_classes: Number of classes; 0 returns the last hidden features, or the pixels.
      hidden: Widths of the K hidden layers.
      dropout: Share of each hidden layer's features dropped in training, in [0, 1).
      act: Nonlinearity of the hidden layers.
      dtype: Type of the computation; parameters stay float32.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> variables = MLP().init(jax.random.key(0), jnp.zeros((2, 5, 5, 1)))
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      260
    """

    num_classes: int = 10
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    act: Callable[[Array], Array] = nn.relu
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        return 1

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) to logits (N, num_classes)."""
        check_images("mlp", x, self.min_size, "head")
        x = x.reshape(x.shape[0], -1)
        for i, features in enumerate(self.hidden, 1):
            if i > 1:
                x = dropped(x, self.dropout, train, f"fc{i}_dropout")
            layer = FullyConnected(
                features, he_fan_in, act=self.act, dtype=self.dtype, name=f"fc{i}"
            )
            x = layer(x)
        return classify(self, x, train, drop=len(self.hidden) > 0)


VARIANTS = {
    "mlp": Variant(
        MLP, 260, "Rumelhart et al. 1986, Learning representations", input_size=5, channels=1
    ),
}
