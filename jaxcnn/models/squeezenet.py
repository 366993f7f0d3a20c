"""SqueezeNet: AlexNet's accuracy with a fiftieth of its parameters (Iandola et al. 2016)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn import layers, ops
from jaxcnn.blocks import ConvNormAct
from jaxcnn.models.initializers import he_uniform, normal_001
from jaxcnn.models.inputs import Window, check_images, smallest_input
from jaxcnn.models.parts import Named, bound, classify_maps, recomputed
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


class SqueezeNet(nn.Module):
    """A convolution, eight fire modules with pools between them, a 1x1 convolution and a mean.

    ```
    1.0  stem 7x7/2 96 - pool1 - fire2-4 - pool4 - fire5-8 - pool8 - fire9 - head 1x1 - mean
    1.1  stem 3x3/2 64 - pool1 - fire2-3 - pool3 - fire4-5 - pool5 - fire6-9 - head 1x1 - mean
    ```

    Version 1.1 pools earlier, for 2.4 times less computation. Pools are 3x3 at stride 2 and hang
    over the border. The head has a ReLU before the mean. Weights start as in torchvision: He's
    uniform rule with fan-in, those of the head normal with deviation 0.01, biases at zero.

    Attributes:
      num_classes: Number of classes; 0 returns the mean of the last maps.
      stem: Features of the first convolution.
      stem_kernel: Height and width of its kernel.
      squeeze: For each fire module, from the second layer on, the features that it squeezes to;
        each of its two expanding convolutions has four times as many.
      pools: Numbers of the layers that a pool follows; the stem is layer 1.
      dropout: Share of the last maps' elements dropped in training, in [0, 1).
      remat: Whether the backward pass recomputes each fire module.
      norm: What makes a norm in each convolution unit, or None.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Iandola et al. 2016, table 1; the authors' repository for version 1.1.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((1, 224, 224, 3))
      >>> variables = jax.eval_shape(SqueezeNet().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      1248424
    """

    num_classes: int = 1000
    stem: int = 96
    stem_kernel: int = 7
    squeeze: tuple[int, ...] = (16, 16, 32, 32, 48, 48, 64, 64)
    pools: tuple[int, ...] = (1, 4, 8)
    dropout: float = 0.5
    remat: bool = False
    norm: Callable[..., Any] | None = None
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        return smallest_input(
            [Window(self.stem_kernel, 2), *[Window(3, 2, ceil_mode=True)] * len(self.pools)]
        )

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) to logits (N, num_classes)."""
        last = f"pool{self.pools[-1]}" if self.pools else "stem"
        check_images("squeezenet", x, self.min_size, last)
        conv, norm = bound(self, train, kernel_init=he_uniform)
        unit = partial(ConvNormAct, conv=conv, norm=norm, act=self.act)
        pool = partial(ops.max_pool, window=3, stride=2, ceil_mode=True)
        x = unit(self.stem, self.stem_kernel, 2, 0, name="stem")(x)
        for i, features in enumerate((None, *self.squeeze), 1):
            if features is not None:
                x = recomputed(Fire, self.remat)(features, unit, name=f"fire{i}")(x)
            if i in self.pools:
                x = Named(pool, name=f"pool{i}")(x)
        return classify_maps(self, x, train, kernel_init=normal_001)


class Fire(nn.Module):
    """1x1 convolutions to few features, then 1x1 and 3x3 convolutions side by side."""

    squeeze: int
    unit: Callable[..., Any]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H, W, 8 squeeze)."""
        x = self.unit(self.squeeze, 1, name="squeeze")(x)
        sides = [self.unit(4 * self.squeeze, k, name=f"expand{k}x{k}")(x) for k in (1, 3)]
        return jnp.concatenate(sides, -1)


VERSION_1_1 = {"stem": 64, "stem_kernel": 3, "pools": (1, 3, 5)}
VARIANTS = {
    "squeezenet1_0": Variant(SqueezeNet, 1_248_424, "Iandola et al. 2016, table 1"),
    "squeezenet1_1": Variant(
        SqueezeNet, 1_235_496, "Iandola et al. 2016, version 1.1", VERSION_1_1
    ),
}
