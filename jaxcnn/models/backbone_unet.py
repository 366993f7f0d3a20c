"""A U-Net whose way down is a classifier of the zoo."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks import UNetUp
from jaxcnn.blocks.unet import centred
from jaxcnn.checks import Report
from jaxcnn.models import resnet
from jaxcnn.models.encoder import pyramid, stage_maps
from jaxcnn.models.initializers import he_each_tap, he_fan_in
from jaxcnn.models.inputs import check_images
from jaxcnn.models.parts import bound, recomputed
from jaxcnn.models.unet import label_pixels
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


class BackboneUNet(nn.Module):
    """A U-Net around a classifier: its maps on the way down, a decoder on the way up.

    ```
    x -> encoder: 1/2 -.-> 1/4 -.-> 1/8 -.-> 1/16 -.-> 1/32
                       |        |        |         `-> up5 (16 width)
                       |        |        `-----------> up4 (8 width)
                       |        `--------------------> up3 (4 width)
                       `-----------------------------> up2 (2 width) -> up1 (width) -> head 1x1
    ```

    The backbone has to offer nothing but stages that are modules directly under it: the last map
    of each size is kept. It is left where maps become vectors, so it has no fully connected
    layers here, and `params["encoder"]` is otherwise that of the classifier: pretrained
    parameters can stand in its place. Images of any size from `min_size` on keep it.

    Attributes:
      backbone: The classifier, e.g. `create_model("resnet50")`; its own fields say how it
        normalises and drops.
      num_classes: Number of classes; 0 returns the last maps of the decoder.
      depth: Halvings from the image to the backbone's last map: 5 for most, 2 for networks for
        CIFAR. It is a field so that no size of the images changes the parameters.
      width: Features of the decoder at the size of the image; twice as many at half of it.
      up: What doubles the size: `"nearest"`, `"bilinear"` or `"transpose"`.
      remat: Whether the backward pass recomputes each step of the decoder, and each block of a
        backbone that has this field, rather than keep its activations.
      norm: What makes the decoder's norms; None for none, and then convolutions have biases.
      act: The decoder's nonlinearity.
      conv: Constructor of the decoder's convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation, also of the backbone's; parameters stay float32.

    Source: Ronneberger et al. 2015; Iglovikov & Shvets 2018, "TernausNet", for the pretrained
    way down; widths and doubling by repetition as is usual since.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxcnn import create_model
      >>> model = BackboneUNet(create_model("resnet20"), num_classes=5, depth=2)
      >>> images = jnp.zeros((2, 45, 64, 3))
      >>> logits, variables = jax.eval_shape(model.init_with_output, jax.random.key(0), images)
      >>> logits.shape, sorted(variables["params"])
      ((2, 45, 64, 5), ['encoder', 'head', 'up1', 'up2'])
    """

    backbone: nn.Module
    num_classes: int = 2
    depth: int = 5
    width: int = 16
    up: str = "nearest"
    remat: bool = False
    norm: Callable[..., Any] | None = layers.BatchNormConfig()
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels, for which all halvings differ."""
        return max(2 ** (self.depth - 1) + 1, getattr(self.backbone, "min_size", 1))

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) to logits (N, H, W, num_classes).

        Raises:
          ValueError: If `x` is not such a batch, or the backbone halves another number of times.
        """
        check_images("backbone_unet", x, self.min_size, "encoder")
        levels = pyramid(stage_maps(self._encoder(), x, train))
        self._expect_depth(x, levels)
        y, *skips = levels
        skips += [None] * (self.depth - len(skips))
        conv, norm = bound(self, train, kernel_init=he_fan_in)
        options: dict[str, Any] = {"dtype": self.dtype, "kernel_init": he_each_tap}
        transpose = partial(layers.ConvTranspose, **options)
        wiring = {"conv": conv, "conv_transpose": transpose, "norm": norm, "act": self.act}
        for i, skip in zip(range(self.depth, 0, -1), skips, strict=True):
            step = recomputed(UNetUp, self.remat)
            y = step(self.width * 2 ** (i - 1), up=self.up, **wiring, name=f"up{i}")(y, skip)
        return label_pixels(self, centred(y, *x.shape[1:3]), conv)

    def _encoder(self) -> nn.Module:
        """Return the backbone as a submodule, without classes, told type and remat."""
        fields: dict[str, Any] = {"num_classes": 0}
        fields |= {"remat": True} if self.remat else {}
        fields |= {} if self.dtype is None else {"dtype": self.dtype}
        known = {name: value for name, value in fields.items() if hasattr(self.backbone, name)}
        return self.backbone.clone(parent=self, name="encoder", **known)

    def _expect_depth(self, x: Array, levels: list[Array]) -> None:
        """Expect as many halvings as the fields say, of which a first one may leave no map."""
        report, sizes = Report("backbone_unet", x), [y.shape[1:3] for y in levels]
        rule = "must have modules directly under it that make maps (N, H, W, C)"
        report.expect(bool(levels), "backbone", self.backbone, rule, "use a convolutional network")
        report.done()
        halvings = len(levels) - 1 + round(math.log2(x.shape[1] / sizes[-1][0]))
        rule = f"must be {halvings}: the backbone's maps are of sizes {sizes}"
        report.expect(self.depth == halvings, "depth", self.depth, rule, f"use depth={halvings}")
        report.done()


def _variant(backbone: Variant, params: int) -> Variant:
    source = f"Ronneberger et al. 2015, around {backbone.source}"
    return Variant(BackboneUNet, params, source, {"backbone": backbone.family(**backbone.fields)})


VARIANTS = {
    "unet_resnet18": _variant(resnet.VARIANTS["resnet18"], 14_328_098),
    "unet_resnet34": _variant(resnet.VARIANTS["resnet34"], 24_436_258),
    "unet_resnet50": _variant(resnet.VARIANTS["resnet50"], 32_520_994),
}
