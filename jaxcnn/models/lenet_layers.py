"""The layers of the early LeNets: sparse convolution, trainable subsampling, distances to codes."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax.linen import dtypes

from jaxcnn import ops
from jaxcnn.layers.arguments import report_for
from jaxcnn.models.digit_codes import digit_codes
from jaxcnn.models.inputs import as_logits
from jaxcnn.typing import Array, Dtype, Key, Shape


def by_fan_in(key: Key, shape: Shape, dtype: Any = jnp.float32) -> Array:
    """Draw uniformly within 2.4 / fan-in (LeCun et al. 1998, appendix A)."""
    limit = 2.4 / math.prod(shape[:-1])
    return jax.random.uniform(key, shape, dtype, -limit, limit)


class SparseConv(nn.Module):
    """A 5x5 convolution in which each output sees only some of the input's maps.

    Only the connections that exist have weights: `kernel` is (5, 5, connections), in the order
    of the table, and is scattered into a kernel with zeros elsewhere.

    Attributes:
      connections: For each output map, the input maps that it sees, counted from 0.
      act: Nonlinearity.
      dtype: Type of the computation; parameters stay float32.

    Source: LeCun et al. 1998, section II.B and table I.
    """

    connections: tuple[tuple[int, ...], ...]
    act: Callable[[Array], Array]
    dtype: Dtype = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H - 4, W - 4, len(connections)).

        Raises:
          ValueError: If an output sees no map, one twice, or one that is not there.
        """
        self._check(x)
        inputs = np.concatenate([np.asarray(seen) for seen in self.connections])
        counts = [len(seen) for seen in self.connections]
        outputs = np.repeat(np.arange(len(counts)), counts)
        limits = (2.4 / (25 * np.repeat(counts, counts))).astype(np.float32)

        def init(key: Key, shape: Shape) -> Array:
            return jax.random.uniform(key, shape, minval=-1.0) * limits.reshape(1, 1, -1)

        kernel = self.param("kernel", init, (5, 5, len(inputs)))
        bias = self.param("bias", nn.initializers.zeros, (len(counts),))
        dense = jnp.zeros((5, 5, x.shape[-1], len(counts)), kernel.dtype)
        dense = dense.at[:, :, inputs, outputs].set(kernel, unique_indices=True)
        x, dense, bias = dtypes.promote_dtype(x, dense, bias, dtype=self.dtype)
        return self.act(ops.conv(x, dense, bias))

    def _check(self, x: Array) -> None:
        report = report_for(self, x)
        seen = self.connections
        ok = all(m and len(set(m)) == len(m) and set(m) <= set(range(x.shape[-1])) for m in seen)
        rule = f"must list, for each output, different ones of the {x.shape[-1]} input maps"
        fix = f"use numbers from 0 to {x.shape[-1] - 1}"
        report.expect(len(seen) > 0 and ok, "connections", seen, rule, fix)
        report.done()


class Subsampling(nn.Module):
    """Halves the size: the sum of 2x2 pixels times a coefficient, plus a bias, squashed.

    Coefficient (`scale`) and bias are one number each for a map.

    Attributes:
      act: Nonlinearity.
      dtype: Type of the computation; parameters stay float32.

    Source: LeCun et al. 1998, section II.B, layer S2.
    """

    act: Callable[[Array], Array]
    dtype: Dtype = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H // 2, W // 2, C)."""
        scale = self.param("scale", self._init, (x.shape[-1],))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        x, scale, bias = dtypes.promote_dtype(x, scale, bias, dtype=self.dtype)
        sums = ops.sum_pool(x, 2)
        return self.act(sums * scale.reshape(1, 1, 1, -1) + bias.reshape(1, 1, 1, -1))

    def _init(self, key: Key, shape: Shape) -> Array:
        return by_fan_in(key, (4, *shape))[0]  # each coefficient weighs four pixels


class RadialBasis(nn.Module):
    r"""The output layer without parameters: how near the features are to each class's code.

    .. math:: y_i = -\sum_j (x_j - w_{ij})^2

    The codes w are the drawings of the digits. With these logits the cross-entropy of the
    softmax is the paper's discriminative criterion (equation 9) without its rubbish class.

    Attributes:
      num_classes: How many of the ten digits are told apart.

    Source: LeCun et al. 1998, section II.B, equation 7.
    """

    num_classes: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map features (N, 84) to logits (N, num_classes), the negative squared distances.

        Raises:
          ValueError: If there are more classes than digits, or the features are not 84.
        """
        codes = digit_codes()
        report = report_for(self, x)
        rule = f"must be at most {len(codes)}: there are codes for the digits only"
        fix = "use output='linear', a trained layer, for other classes"
        report.expect(self.num_classes <= len(codes), "num_classes", self.num_classes, rule, fix)
        size = codes.shape[1]
        rule = f"must have {size} features, as many as a code has pixels"
        fix = f"end `hidden` with {size}, or use output='linear'"
        report.expect(x.shape[-1] == size, "x", x, rule, fix)
        report.done()
        x = as_logits(x)
        codes = jnp.asarray(codes[: self.num_classes], x.dtype)
        return -jnp.square(x[:, None] - codes[None]).sum(-1)


def table(rows: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return a paper's table of connections: a row an input, `X` where an output sees it.

    >>> table(["X.X", ".XX"])
    ((0,), (1,), (0, 1))
    """
    columns = zip(*rows, strict=True)
    return tuple(tuple(i for i, mark in enumerate(c) if mark == "X") for c in columns)
