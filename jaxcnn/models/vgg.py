"""VGG: 3x3 convolutions in depth (Simonyan & Zisserman 2015)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers, ops
from jaxcnn.blocks import ConvNormAct
from jaxcnn.models.classifier import fully_connected
from jaxcnn.models.initializers import he_fan_out, normal_001
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import Named, bound, recomputed
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


class VGG(nn.Module):
    """Stages of 3x3 convolutions closed by pools, then two wide fully connected layers.

    ```
    stage1 [conv 3x3 64]*n1  - pool1 - stage2 [128]*n2 - pool2 - stage3 [256]*n3 - pool3 -
    stage4 [512]*n4 - pool4 - stage5 [512]*n5 - pool5 - fc6 4096 - fc7 4096 - head
    ```

    The paper's conv3_2 is `stage3/conv2`. Weights are torchvision's: convolutions start as in He
    et al. 2015 with fan-out, matrices normal with deviation 0.01, biases at zero (the paper
    began with a shallower network, or with Glorot's rule). Convolutions keep their bias before
    a norm, since the reference weights of `vgg*_bn` have one.

    Attributes:
      num_classes: Number of classes; 0 returns the features fc7.
      stages: Number of convolutions in each stage.
      width: Features of the first stage; they double until eight times that.
      grid: Height and width of the maps that fc6 takes; those of other sizes are averaged to it.
      hidden: Widths of fc6 and fc7.
      dropout: Share of fc6 and fc7 dropped in training, in [0, 1).
      remat: Whether the backward pass recomputes each stage rather than keep its activations.
      norm: None, or what makes a norm, called `norm(use_running_average=..., name=...)(x)`.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Simonyan & Zisserman 2015, table 1, columns A, B, D and E.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((1, 224, 224, 3))
      >>> variables = jax.eval_shape(VGG().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      138357544
    """

    num_classes: int = 1000
    stages: tuple[int, ...] = (2, 2, 3, 3, 3)
    width: int = 64
    grid: int = 7
    hidden: tuple[int, ...] = (4096, 4096)
    dropout: float = 0.5
    remat: bool = False
    norm: Callable[..., Any] | None = None
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        return 2 ** len(self.stages)

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) to logits (N, num_classes)."""
        check_images("vgg", x, self.min_size, f"pool{len(self.stages)}")
        conv, norm = bound(self, train, kernel_init=he_fan_out)
        unit = partial(ConvNormAct, use_bias=True, conv=conv, norm=norm, act=self.act)
        pool = partial(ops.max_pool, window=2)
        for i, convs in enumerate(self.stages, 1):
            features = self.width * min(2 ** (i - 1), 8)
            stage = recomputed(ConvStage, self.remat)(features, convs, unit, name=f"stage{i}")
            x = Named(pool, name=f"pool{i}")(stage(x))
        return fully_connected(
            self, x, train, dropout_before=("fc7", "head"), kernel_init=normal_001
        )


class ConvStage(nn.Module):
    """Convolutions of one width in a row."""

    features: int
    convs: int
    unit: Callable[..., Any]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H, W, features)."""
        for i in range(1, self.convs + 1):
            x = self.unit(self.features, name=f"conv{i}")(x)
        return x


STAGES = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
PARAMS = {
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
}


def _variant(name: str, params: int) -> Variant:
    fields: dict[str, Any] = {"stages": STAGES[name.removesuffix("_bn")]}
    if name.endswith("_bn"):
        fields["norm"] = layers.BatchNormConfig()
    return Variant(VGG, params, "Simonyan & Zisserman 2015, table 1", fields)


VARIANTS = {name: _variant(name, params) for name, params in PARAMS.items()}
