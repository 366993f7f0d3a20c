"""The two sides of a U-Net: down, keeping what was seen, and up, joining it again."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxcnn import layers, ops
from jaxcnn.blocks.parts import Act, Conv, Norm, conv_norm, start_report
from jaxcnn.typing import Array

UPS = ("transpose", "nearest", "bilinear")


class DoubleConv(nn.Module):
    """Two 3x3 convolutions, each with norm and nonlinearity: the bottom of the U.

    Attributes:
      features: Channels of both convolutions, >= 1.
      padding: 1 to keep the size, 0 for valid convolutions, which take 2 pixels each.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none (as in the paper), and then convolutions have biases.
      act: Nonlinearity.

    Source: Ronneberger et al. 2015, figure 1.

    Example:
      >>> block = DoubleConv(8, padding=0, norm=None)
      >>> x = jnp.ones((1, 10, 10, 4))
      >>> y, variables = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])
      ((1, 6, 6, 8), ['conv1', 'conv2'])
    """

    features: int
    padding: int = 1
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H', W', features), H' = H - 4 + 4 * padding.

        Raises:
          ValueError: If a field cannot be meant, or the window does not fit the input.
        """
        expect_unet(self, x)
        return two_convs(self, x)


class UNetDown(nn.Module):
    """Two convolutions, whose result is kept as the skip, and 2x2 max-pooling.

    ```
    x -> conv1 -> norm1 -> act -> conv2 -> norm2 -> act -.-> max_pool 2x2 -> y
                                                         `-> skip
    ```

    Attributes:
      features: Channels of both convolutions, >= 1.
      padding: 1 to keep the size, 0 for valid convolutions.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.

    Source: Ronneberger et al. 2015, section 2, the contracting path.

    Example:
      >>> block = UNetDown(64, padding=0, norm=None)
      >>> x = jnp.ones((1, 572, 572, 1))
      >>> (y, skip), _ = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
      >>> y.shape, skip.shape
      ((1, 284, 284, 64), (1, 568, 568, 64))
    """

    features: int
    padding: int = 1
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Map (N, H, W, C) to the pooled map (N, H' // 2, W' // 2, features) and the skip.

        Raises:
          ValueError: If a field cannot be meant, or the window does not fit the input.
        """
        expect_unet(self, x)
        skip = two_convs(self, x)
        return ops.max_pool(skip, 2), skip


class UNetUp(nn.Module):
    """Twice the size, the skip beside it, and two convolutions.

    ```
    x -> up -> fit -.
                    +-> concatenate (skip first) -> conv1 -> norm1 -> act -> conv2 -> norm2 -> act
    skip -> fit ----'
    ```

    Attributes:
      features: Channels of the convolutions, and of the transposed one, >= 1.
      padding: 1 to keep the size, 0 for valid convolutions.
      up: `"transpose"`, a learned 2x2 transposed convolution to `features` channels named `up`;
        `"nearest"` or `"bilinear"`, which keep the channels (Odena et al. 2016).
      fit: `"crop"` cuts the middle out of the skip, as in the paper; `"pad"` puts the map into
        the middle of zeros as large as the skip (or cuts its middle out), so that images of any
        size keep it; None for `"crop"` with valid convolutions and `"pad"` with padded ones.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      conv_transpose: Constructor of the transposed convolution, called
        `conv_transpose(features, (2, 2), strides=(2, 2), padding="VALID", name="up")`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity.

    Source: Ronneberger et al. 2015, section 2, the expansive path.

    Example:
      >>> block = UNetUp(8, norm=None)
      >>> x, skip = jnp.ones((1, 4, 4, 16)), jnp.ones((1, 9, 9, 8))
      >>> y, variables = jax.eval_shape(block.init_with_output, jax.random.key(0), x, skip)
      >>> y.shape, jnp.shape(variables["params"]["conv1"]["kernel"])
      ((1, 9, 9, 8), (3, 3, 16, 8))
    """

    features: int
    padding: int = 1
    up: str = "transpose"
    fit: str | None = None
    conv: Conv = layers.Conv
    conv_transpose: Callable[..., Any] = layers.ConvTranspose
    norm: Norm = layers.BatchNormConfig()
    act: Act = nn.relu

    @nn.compact
    def __call__(self, x: Array, skip: Array | None = None) -> Array:
        """Map (N, H, W, C) and the skip to (N, H', W', features).

        Args:
          x: The smaller map.
          skip: The map kept on the way down, (N, Hs, Ws, Cs); None where there is none.

        Returns:
          H' is Hs (or 2 H without a skip) with padding, and 2 H - 4 without.

        Raises:
          ValueError: If a field cannot be meant, or the skip does not belong to the map.
        """
        fit = self._check(x, skip)
        height, width = 2 * x.shape[1], 2 * x.shape[2]
        if self.up == "transpose":
            options: dict[str, Any] = {"strides": (2, 2), "padding": "VALID", "name": "up"}
            x = self.conv_transpose(self.features, (2, 2), **options)(x)
        elif self.up == "nearest":  # a repetition: its receptive field can be told
            x = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
        else:
            x = jax.image.resize(x, (x.shape[0], height, width, x.shape[3]), self.up)
        if skip is not None:
            if fit == "crop":
                skip = centred(skip, height, width)
            else:
                x = centred(x, skip.shape[1], skip.shape[2])
            x = jnp.concatenate([skip, x], -1)
        return two_convs(self, x)

    def _check(self, x: Array, skip: Array | None) -> str:
        report = start_report(self, x, "features")
        report.choice("padding", self.padding, (1, 0))  # type: ignore[arg-type]
        report.choice("up", self.up, UPS)
        if self.fit is not None:
            report.choice("fit", self.fit, ("crop", "pad"))
        fit = self.fit or ("pad" if self.padding else "crop")
        if skip is not None:
            ok = skip.ndim == 4 and skip.shape[0] == x.shape[0]
            rule = f"must be maps (N, H, W, C) of the same {x.shape[0]} images"
            if report.expect(ok, "skip", skip, rule, "pass what UNetDown kept") and fit == "crop":
                size = (2 * x.shape[1], 2 * x.shape[2])
                ok = skip.shape[1] >= size[0] and skip.shape[2] >= size[1]
                rule, fix = f"must be at least {size}, to be cropped to it", 'use fit="pad"'
                report.expect(ok, "skip", skip, rule, fix)
        report.done()
        return fit


def expect_unet(block: Any, x: Array) -> None:
    """Check the fields that all these blocks have."""
    report = start_report(block, x, "features")
    report.choice("padding", block.padding, (1, 0))  # type: ignore[arg-type]
    report.done()


def two_convs(block: Any, x: Array) -> Array:
    """Apply two 3x3 convolutions, each with norm and nonlinearity."""
    for suffix in ("1", "2"):
        x = conv_norm(block, x, suffix, block.features, (3, 3), padding=block.padding)
        x = block.act(x)
    return x


def centred(x: Array, height: int, width: int) -> Array:
    """Cut out the middle of maps, or surround them with zeros.

    >>> centred(jnp.arange(4.0).reshape(1, 4, 1, 1), 2, 3).ravel()
    Array([0., 1., 0., 0., 2., 0.], dtype=float32)
    """
    edges = [(0, 0, 0)]
    for size, wanted in ((x.shape[1], height), (x.shape[2], width)):
        low = -((size - wanted) // 2) if size > wanted else (wanted - size) // 2
        edges.append((low, wanted - size - low, 0))
    return lax.pad(x, jnp.zeros((), x.dtype), [*edges, (0, 0, 0)])
