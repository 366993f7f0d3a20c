"""The Inception networks: one module that runs a list of steps, which the tables beside give."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import Branch, Branches, ConvNormAct, ConvStep, PoolStep
from jaxcnn.models.auxiliary import AuxStep, expect_aux, run_aux
from jaxcnn.models.initializers import he_fan_out
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import Named, bound, classify, recomputed
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array, Dtype


class Inception(nn.Module):
    """A network of Inception blocks: GoogLeNet, BN-Inception, Inception-v3.

    ```
    x -> step -> step -.-> ... -> step -> global average -> dropout -> head
                       `-> auxiliary head (training only)
    ```

    In training each auxiliary head leaves its logits (N, num_classes) in the collection `aux`,
    as `aux/NAME/logits`. Their losses belong to the loss, times 0.3 in the first paper. Without
    `aux_heads`, or without classes, there are none.

    Attributes:
      steps: Name and step, in order. A step is a `ConvStep`, a tuple of `Branch`, an `AuxStep`,
        a `PoolStep`, or any other function of the maps.
      num_classes: Number of classes; 0 returns the averaged features.
      aux_heads: Whether there are auxiliary heads.
      dropout: Share of the averaged features dropped in training, in [0, 1).
      aux_dropout: Share of the features dropped in GoogLeNet's auxiliary heads, in [0, 1].
      kernel_init: Initialiser of the convolutions and linear layers, except where an auxiliary
        head has its own.
      remat: Whether the backward pass recomputes each block rather than keep its activations.
      norm: What makes a norm; None for none, and then convolutions have biases.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Szegedy et al. 2014, "Going deeper with convolutions", section 5; the tables of the
    later networks name theirs.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxcnn import create_model
      >>> def train(model, images):
      ...     variables = model.init(jax.random.key(0), images)
      ...     rngs = {"dropout": jax.random.key(1)}
      ...     return model.apply(variables, images, train=True, mutable=["aux"], rngs=rngs)
      >>> model = create_model("googlenet_paper", num_classes=10)
      >>> images = jnp.zeros((2, 224, 224, 3))
      >>> logits, moved = jax.eval_shape(lambda x: train(model, x), images)
      >>> logits.shape, jax.tree.map(jnp.shape, moved["aux"])
      ((2, 10), {'aux1': {'logits': (2, 10)}, 'aux2': {'logits': (2, 10)}})
    """

    steps: tuple[tuple[str, Any], ...]
    num_classes: int = 1000
    aux_heads: bool = True
    dropout: float = 0.2
    aux_dropout: float = 0.7
    kernel_init: Callable[..., Array] = he_fan_out
    remat: bool = False
    norm: Callable[..., Any] | None = layers.BatchNormConfig(epsilon=1e-3)
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        size = 1
        while self._starved(size):
            size += 1
        return size

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) to logits (N, num_classes).

        Raises:
          ValueError: If `x` is not such a batch, or if the auxiliary logits would be lost.
        """
        check_images("inception", x, self.min_size, self._starved(self.min_size - 1))
        conv, norm = bound(self, train, kernel_init=self.kernel_init)
        wiring = {"conv": conv, "norm": norm, "act": self.act}
        steps = [s for s in self.steps if self._has_heads or not isinstance(s[1], AuxStep)]
        if self._has_heads:
            expect_aux(self, x, train)
        for name, step in steps:
            if isinstance(step, ConvStep):
                window = (step.kernel_size, step.stride, step.padding)
                x = ConvNormAct(step.features, *window, **wiring, name=name)(x)
            elif isinstance(step, tuple):
                x = recomputed(Branches, self.remat)(step, **wiring, name=name)(x)
            elif isinstance(step, AuxStep):
                head = step.head(self, train, **wiring, dtype=self.dtype, name=name)
                run_aux(self, head, x, train, step.size)
            else:
                x = Named(step, name=name)(x)
        return classify(self, global_avg_pool(x), train, kernel_init=self.kernel_init)

    @property
    def _has_heads(self) -> bool:
        has = any(isinstance(step, AuxStep) for _, step in self.steps)
        return has and self.aux_heads and self.num_classes > 0

    def _starved(self, size: int) -> str:
        """Return the first step that images of this size leave without input, or nothing."""
        for name, step in self.steps:
            size = size_after(step, size)
            if size < 1:
                return name
        return ""


def size_after(step: Any, size: int) -> int:
    """Return the height of a square map after a step, which is below 1 where nothing is left.

    >>> size_after(ConvStep(64, 7, stride=2), 224), size_after(PoolStep("max", 2, padding=0), 2)
    (112, 0)
    """
    if isinstance(step, Branch):
        for part in step.steps:
            size = size_after(part, size)
        return size
    if isinstance(step, tuple):
        return min(size_after(branch, size) for branch in step)
    if not isinstance(step, ConvStep | PoolStep):  # a pair of 1x3 and 3x1, a head, a function
        return size
    if step.padding is None:  # half the kernel
        return (size - 1) // step.stride + 1
    low, high = (step.padding,) * 2 if isinstance(step.padding, int) else step.padding[0]
    window = step.window if isinstance(step, PoolStep) else step.kernel_size
    assert isinstance(window, int)
    return (size + low + high - window) // step.stride + 1
