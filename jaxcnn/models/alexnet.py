"""AlexNet: torchvision's (Krizhevsky 2014) and the paper's (Krizhevsky et al. 2012)."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from flax import linen as nn

from jaxcnn import layers, ops
from jaxcnn.blocks import ConvNormAct
from jaxcnn.checks import Report
from jaxcnn.models.classifier import fully_connected
from jaxcnn.models.initializers import normal_001, torch_uniform
from jaxcnn.models.inputs import Window, check_images, smallest_input
from jaxcnn.models.parts import Named, bound
from jaxcnn.models.variant import Variant
from jaxcnn.typing import Array, Dtype


class ConvRow(NamedTuple):
    """One convolution of the table, and what follows it.

    Attributes:
      features: Number of filters.
      kernel_size: Height and width of the filters.
      stride: Step between windows.
      padding: Zeros on each side.
      groups: Groups of the convolution.
      bias: Value at which the biases start.
      after: `"pool"`, max-pooling 3x3 at stride 2, and `"lrn"`, local response normalisation,
        in their order.
    """

    features: int
    kernel_size: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    bias: float = 0.0
    after: tuple[str, ...] = ()


class AlexNet(nn.Module):
    """Five convolutions with overlapping pools, then two wide fully connected layers.

    ```
    alexnet        conv1 11x11/4 64 - pool1 - conv2 5x5 192 - pool2 -
                   conv3 384 - conv4 256 - conv5 256 - pool5 - fc6 4096 - fc7 4096 - head
    alexnet_paper  conv1 11x11/4 96 - lrn1 - pool1 - conv2 5x5 256 - lrn2 - pool2 -
                   conv3 384 - conv4 384 - conv5 256 - pool5 - fc6 4096 - fc7 4096 - head
    ```

    The paper divided the network between two graphics cards: conv2, conv4 and conv5 have two
    groups. Its maps are 55, 27 and 13 pixels wide, which 227 pixels give (the 224 of its text do
    not). torchvision's is the network of "One weird trick", without groups and normalisation,
    and drops before fc6 and fc7 rather than before fc7 and head. `zfnet` is a table for this
    class too.

    torchvision's weights start uniformly within 1 / sqrt(fan-in), biases here at zero. The
    paper's are normal with deviation 0.01; the biases of conv2, conv4, conv5, fc6 and fc7 start
    at one (section 5).

    Attributes:
      num_classes: Number of classes; 0 returns the features fc7.
      convs: A row for each convolution: features, kernel size, stride, padding, groups, first
        bias, and what follows it, `"pool"` and `"lrn"`.
      ceil_mode: Whether a last window of the pools may hang over the border.
      grid: Height and width of the maps that fc6 takes; those of other sizes are averaged to it.
      hidden: Widths of fc6 and fc7.
      hidden_bias: Value at which the biases of fc6 and fc7 start.
      dropout: Share of features dropped in training, in [0, 1).
      dropout_before: Layers whose input is dropped.
      kernel_init: Initialiser of all kernels and matrices.
      norm: What makes a norm in each convolution unit, or None.
      act: Nonlinearity.
      conv: Constructor of the convolutions, called `conv(features, kernel_size, ...)`.
      dtype: Type of the computation; parameters stay float32.

    Source: Krizhevsky, Sutskever & Hinton 2012, figure 2; Krizhevsky 2014, "One weird trick for
    parallelizing convolutional neural networks".

    Example:
      >>> import jax, jax.numpy as jnp
      >>> images = jnp.zeros((1, 224, 224, 3))
      >>> variables = jax.eval_shape(AlexNet().init, jax.random.key(0), images)
      >>> sum(p.size for p in jax.tree.leaves(variables["params"]))
      61100840
    """

    num_classes: int = 1000
    convs: tuple[ConvRow | tuple[Any, ...], ...] = (
        ConvRow(64, 11, 4, 2, after=("pool",)),
        ConvRow(192, 5, padding=2, after=("pool",)),
        ConvRow(384, 3, padding=1),
        ConvRow(256, 3, padding=1),
        ConvRow(256, 3, padding=1, after=("pool",)),
    )
    ceil_mode: bool = False
    grid: int = 6
    hidden: tuple[int, ...] = (4096, 4096)
    hidden_bias: float = 0.0
    dropout: float = 0.5
    dropout_before: tuple[str, ...] = ("fc6", "fc7")
    kernel_init: Callable[..., Any] = torch_uniform
    norm: Callable[..., Any] | None = None
    act: Callable[[Array], Array] = nn.relu
    conv: Callable[..., Any] = layers.Conv
    dtype: Dtype = None

    @property
    def min_size(self) -> int:
        """Smallest height and width of the images, in pixels."""
        windows = []
        for row in self._rows():
            windows.append(Window(row.kernel_size, row.stride, row.padding))
            windows += [Window(3, 2, ceil_mode=self.ceil_mode)] * row.after.count("pool")
        return smallest_input(windows)

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Map images (N, H, W, C) to logits (N, num_classes)."""
        check_images("alexnet", x, self.min_size, f"pool{len(self.convs)}")
        self._check()
        conv, norm = bound(self, train, kernel_init=self.kernel_init)
        # The paper's constants; its sum over channels is not divided by their number.
        lrn = partial(layers.LocalResponseNorm, 5, 1e-4, 0.75, 2.0, average=False)
        pool = partial(ops.max_pool, window=3, stride=2, ceil_mode=self.ceil_mode)
        for i, row in enumerate(self._rows(), 1):
            unit = ConvNormAct(
                row.features,
                row.kernel_size,
                row.stride,
                row.padding,
                row.groups,
                conv=partial(conv, bias_init=nn.initializers.constant(row.bias)),
                norm=norm,
                act=self.act,
                name=f"conv{i}",
            )
            x = unit(x)
            for step in row.after:
                module = lrn(name=f"lrn{i}") if step == "lrn" else Named(pool, name=f"pool{i}")
                x = module(x)
        return fully_connected(
            self,
            x,
            train,
            dropout_before=self.dropout_before,
            kernel_init=self.kernel_init,
            bias_init=nn.initializers.constant(self.hidden_bias),
        )

    def _rows(self) -> list[ConvRow]:
        rows: Any = self.convs
        return [ConvRow(*row) for row in rows]

    def _check(self) -> None:
        report = Report("alexnet")
        for after in (row.after for row in self._rows()):
            ok = set(after) <= {"pool", "lrn"} and len(set(after)) == len(after)
            rule, fix = "must hold 'pool' and 'lrn' at most once each", "use e.g. ('lrn', 'pool')"
            report.expect(ok, "convs: after", after, rule, fix)
        names = [*(f"fc{i}" for i in range(6, 6 + len(self.hidden))), "head"]
        rule, fix = f"must be among the layers {', '.join(names)}", "correct the names"
        ok = set(self.dropout_before) <= set(names)
        report.expect(ok, "dropout_before", self.dropout_before, rule, fix)
        report.done()


PAPER = {
    "convs": (
        ConvRow(96, 11, 4, after=("lrn", "pool")),
        ConvRow(256, 5, padding=2, groups=2, bias=1.0, after=("lrn", "pool")),
        ConvRow(384, 3, padding=1),
        ConvRow(384, 3, padding=1, groups=2, bias=1.0),
        ConvRow(256, 3, padding=1, groups=2, bias=1.0, after=("pool",)),
    ),
    "hidden_bias": 1.0,
    "dropout_before": ("fc7", "head"),
    "kernel_init": normal_001,
}
VARIANTS = {
    "alexnet": Variant(AlexNet, 61_100_840, "Krizhevsky 2014, One weird trick"),
    "alexnet_paper": Variant(
        AlexNet, 60_965_224, "Krizhevsky et al. 2012, figure 2", PAPER, input_size=227
    ),
}
