"""Densely connected networks (Huang et al. 2016), for ImageNet and for CIFAR."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers, ops
from jaxcnn.blocks import ConvNormAct, DenseBlock, DenseLayer, NormAct, Transition
from jaxcnn.models.initializers import he_fan_in
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import bound, classify, recomputed
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


class DenseNet(nn.Module):
    """DenseNet-BC: layers that see all maps before them, behind 1x1 bottlenecks.

    ```
    stem -> stage1 -> transition1 -> stage2 -> ... -> last: norm, act -> mean -> head
    ```

    A stage is a dense block of layers `norm - act - 1x1 - norm - act - 3x3`, each of which adds
    `growth_rate` channels; a transition halves channels and size. The depth counts two
    convolutions a layer, the stem, the transitions and the head: 121 = 1 + 2 (6+12+24+16) + 3 + 1.

    Attributes:
      blocks: Layers of each stage.
      growth_rate: Channels k that each layer adds.
      num_classes: Number of classes; 0 returns the averaged features.
      stem_features: Channels of the first convolution, usually 2 k.
      small_images: Whether the stem is a bare 3x3 convolution, as for CIFAR, instead of
        7x7 at stride 2 with norm, nonlinearity and 3x3 max-pooling at stride 2.
      bottleneck: A layer's 1x1 has `bottleneck * growth_rate` channels; 0 leaves it out.
      compression: Share of the channels that a transition keeps, in (0, 1].
      layer_dropout: Share of each layer's new channels dropped in training, in [0, 1]. The paper
        takes 0.2 where it trains without augmentation.
      dropout: Share of the averaged features dropped in training, in [0, 1).
      remat: Whether the backward pass recomputes each layer rather than keep its activations,
        which saves the quadratic part of the memory (Pleiss et al. 2017).
      norm: What makes a norm, called `norm(use_running_average=..., dtype=..., name=...)(x)`.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`; they start
        as in He et al. 2015 (fan-in), as in torchvision.
      dtype: Type of the computation; parameters stay float32.

    Source: Huang et al. 2016, sections 3 and 4.2, table 1.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> model = DenseNet((2, 2), growth_rate=4, stem_features=8, num_classes=10)
      >>> images = jnp.zeros((2, 32, 32, 3))
      >>> logits, variables = jax.eval_shape(model.init_with_output, jax.random.key(0), images)
      >>> logits.shape, sorted(variables["params"])
      ((2, 10), ['head', 'last', 'stage1', 'stage2', 'stem', 'transition1'])
    """

    blocks: tuple[int, ...] = (6, 12, 24, 16)
    growth_rate: int = 32
    num_classes: int = 1000
    stem_features: int = 64
    small_images: bool = False
    bottleneck: int = 4
    compression: float = 0.5
    layer_dropout: float = 0.0
    dropout: float = 0.0
    remat: bool = False
    norm: Callable[..., Any] | None = layers.BatchNormConfig()
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        left = 2 ** (len(self.blocks) - 1)  # what the transitions halve to 1
        return left if self.small_images else 4 * left - 3

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) to logits (N, num_classes)."""
        last = len(self.blocks)
        check_images("densenet", x, self.min_size, f"transition{last - 1}")
        conv, norm = bound(self, train, kernel_init=he_fan_in)
        wiring = {"conv": conv, "norm": norm, "act": self.act}
        x = self._stem(x, wiring)
        layer = partial(
            recomputed(DenseLayer, self.remat),
            self.growth_rate,
            self.bottleneck,
            self.layer_dropout,
            deterministic=not train,
            **wiring,
        )
        for i, blocks in enumerate(self.blocks, 1):
            x = DenseBlock(blocks, layer, name=f"stage{i}")(x)
            if i < last:
                x = Transition(self.compression, **wiring, name=f"transition{i}")(x)
        x = NormAct(norm, self.act, name="last")(x)
        return classify(self, ops.global_avg_pool(x), train)

    def _stem(self, x: Array, wiring: dict[str, Any]) -> Array:
        if self.small_images:
            return wiring["conv"](self.stem_features, (3, 3), use_bias=False, name="stem")(x)
        x = ConvNormAct(self.stem_features, 7, 2, **wiring, name="stem")(x)
        return ops.max_pool(x, 3, stride=2, padding=1)


def _imagenet(params: int, blocks: tuple[int, ...], growth_rate: int = 32) -> Variant:
    fields = {"blocks": blocks, "growth_rate": growth_rate, "stem_features": 2 * growth_rate}
    return Variant(DenseNet, params, "Huang et al. 2016, table 1", fields)


VARIANTS = {
    "densenet121": _imagenet(7_978_856, (6, 12, 24, 16)),
    "densenet161": _imagenet(28_681_000, (6, 12, 36, 24), growth_rate=48),
    "densenet169": _imagenet(14_149_480, (6, 12, 32, 32)),
    "densenet201": _imagenet(20_013_928, (6, 12, 48, 32)),
    "densenet264": _imagenet(33_337_704, (6, 12, 64, 48)),
    "densenet_bc_100_12": Variant(
        DenseNet,
        769_162,
        "Huang et al. 2016, section 4.2 (CIFAR-10)",
        {
            "blocks": (16, 16, 16),
            "growth_rate": 12,
            "num_classes": 10,
            "stem_features": 24,
            "small_images": True,
        },
        input_size=32,
    ),
}
