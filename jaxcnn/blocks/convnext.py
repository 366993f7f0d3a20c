"""The block of ConvNeXt: a residual block in the order of a transformer (Liu et al. 2022)."""

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.blocks.fully_connected import FullyConnected
from jaxcnn.blocks.parts import Act, Conv, Norm, dropped, expect_rate, normed, start_report
from jaxcnn.typing import Array, Dtype


def exact_gelu(x: Array) -> Array:
    """Return x times the normal distribution function at x, not the approximation by tanh.

    Args:
      x: Anything floating-point.

    Returns:
      An array like `x`.

    Source: Hendrycks & Gimpel 2016, equation 2.

    >>> import jax.numpy as jnp
    >>> [round(float(y), 4) for y in exact_gelu(jnp.array([-1.0, 0.0, 1.0]))]
    [-0.1587, 0.0, 0.8413]
    """
    return nn.gelu(x, approximate=False)


class ConvNeXtBlock(nn.Module):
    """Filter each channel with 7x7, normalise, mix channels in a wide layer, scale, add.

    ```
    x -> depthwise 7x7 -> norm -> expand 1x1 -> act -> project 1x1 -> * layer_scale -> + -> y
     `------------------------------------------------------------------------------'
    ```

    The 1x1 convolutions are linear layers over the channels. All have biases.

    Attributes:
      features: Channels of input and output, >= 1.
      kernel_size: Height and width of the depthwise kernel, >= 1.
      expansion: How many times wider the inside is, >= 1.
      layer_scale: First value of the branch's scale of each channel; 0 starts at the shortcut.
      conv: Constructor of the convolution, called `conv(features, kernel_size, ...)`.
      norm: Constructor of the norm, called `norm(name="norm")`; None for none.
      act: Nonlinearity.
      kernel_init: Initialiser of the linear layers.
      stochastic_depth: Probability in [0, 1] with which training drops the branch of an example.
      deterministic: Whether nothing is dropped; only needed where `stochastic_depth` is set.
      dtype: Type of the computation in the linear layers.

    Source: Liu et al. 2022, figure 4.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> x = jnp.ones((1, 8, 8, 4))
      >>> y, variables = jax.eval_shape(ConvNeXtBlock(4).init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])
      ((1, 8, 8, 4), ['depthwise', 'expand', 'layer_scale', 'norm', 'project'])
    """

    features: int
    kernel_size: int = 7
    expansion: int = 4
    layer_scale: float = 1e-6
    conv: Conv = layers.Conv
    norm: Norm = nn.LayerNorm
    act: Act = exact_gelu
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    stochastic_depth: float = 0.0
    deterministic: bool | None = None
    dtype: Dtype = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, features) to the same shape.

        Raises:
          ValueError: If a field cannot be meant, or the input has other channels.
        """
        report = start_report(self, x, "features", "kernel_size", "expansion")
        expect_rate(report, self, "stochastic_depth")
        rule, fix = f"must be the {x.shape[-1]} channels of the input", "change them before"
        report.expect(self.features == x.shape[-1], "features", self.features, rule, fix)
        report.done()
        size = (self.kernel_size, self.kernel_size)
        depthwise = self.conv(
            self.features,
            size,
            padding=tuple((k // 2, k // 2) for k in size),
            feature_group_count=self.features,
            name="depthwise",
        )
        y = normed(self.norm, depthwise(x), "norm")
        options = {"kernel_init": self.kernel_init, "dtype": self.dtype}
        wide = FullyConnected(
            self.expansion * self.features, act=self.act, **options, name="expand"
        )
        y = nn.Dense(self.features, **options, name="project")(wide(y))
        constant = nn.initializers.constant(self.layer_scale)
        scale = self.param("layer_scale", constant, (self.features,)).astype(y.dtype)
        return x + dropped(self, y * scale[None, None, None])
