"""Normalisation layers, and the config by which a model is told which one to use."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from flax.linen import dtypes, initializers

from jaxcnn.checks import inside
from jaxcnn.layers.arguments import report_for
from jaxcnn.ops import norm
from jaxcnn.ops.lrn import local_response_norm
from jaxcnn.typing import Array, Dtype


class BatchNorm(nn.Module):
    """Batch normalisation, as `flax.linen.BatchNorm`: same fields, defaults and variables.

    `momentum` is the share of the old statistics that is *kept*: Flax's 0.9 is PyTorch's 0.1.
    The statistics are those of this device (local) unless `axis_name` is given: then they are
    shared over that mapped axis (synchronised), or within `axis_index_groups` (grouped). They
    are summed before dividing, so unequal masks are weighted rightly. Under plain `jax.jit`
    over a sharded batch they are global, whatever is set here.

    Attributes:
      use_running_average: whether to use the stored statistics; here or in the call.
      axis: the feature axis, or axes.
      momentum: decay of the running statistics, in [0, 1].
      epsilon: added to the variance, > 0.
      dtype: dtype of the result (default: that of input and parameters).
      param_dtype: dtype of the parameters.
      use_bias: whether to add beta.
      use_scale: whether to multiply by gamma.
      bias_init: initializer of beta.
      scale_init: initializer of gamma.
      axis_name: mapped axis over which statistics are shared.
      axis_index_groups: groups of indices on that axis which share statistics.
      use_fast_variance: one pass over the data instead of two, less exact where the mean is
        far larger than the spread.
      force_float32_reductions: statistics in at least 32 bits.
      unbiased: whether the *running* variance is the unbiased one, as PyTorch stores it.
      frozen: whether the stored statistics are used and kept even in training.

    >>> import jax
    >>> x = jnp.array([[1.0], [3.0]])
    >>> layer = BatchNorm(momentum=0.9, unbiased=True)
    >>> variables = layer.init(jax.random.key(0), x, use_running_average=False)
    >>> y, new = layer.apply(variables, x, use_running_average=False, mutable=["batch_stats"])
    >>> y.ravel().round(3), new["batch_stats"]["var"].round(3)
    (Array([-1.,  1.], dtype=float32), Array([1.1], dtype=float32))
    """

    use_running_average: bool | None = None
    axis: int | Sequence[int] = -1
    momentum: float = 0.99
    epsilon: float = 1e-5
    dtype: Dtype | None = None
    param_dtype: Dtype = jnp.float32
    use_bias: bool = True
    use_scale: bool = True
    bias_init: Callable[..., Array] = initializers.zeros
    scale_init: Callable[..., Array] = initializers.ones
    axis_name: str | None = None
    axis_index_groups: Any = None
    use_fast_variance: bool = True
    force_float32_reductions: bool = True
    unbiased: bool = False
    frozen: bool = False

    @nn.compact
    def __call__(
        self, x: Array, use_running_average: bool | None = None, *, mask: Array | None = None
    ) -> Array:
        """Normalise.

        Args:
          x: `(N, ..., C)`, with the features on `axis`.
          use_running_average: whether to use the stored statistics.
          mask: which elements count in the statistics: `(N,)`, or broadcastable to `x`.

        Returns:
          An array of the shape of `x`.
        """
        stored = nn.merge_param(
            "use_running_average", self.use_running_average, use_running_average
        )
        features, axes = self._axes(x)
        shape = tuple(x.shape[axis] for axis in features)
        wide = jnp.float32 if self.force_float32_reductions else self.param_dtype
        ra_mean = self.variable("batch_stats", "mean", jnp.zeros, shape, wide)
        ra_var = self.variable("batch_stats", "var", jnp.ones, shape, wide)
        if stored or self.frozen:
            mean, var = ra_mean.value, ra_var.value
        else:
            moments = self._moments(x, axes, mask)
            mean, var, _ = moments
            if not self.is_initializing():
                ra_mean.value, ra_var.value = norm.update_moments(
                    ra_mean.value, ra_var.value, moments, self.momentum, unbiased=self.unbiased
                )
        scale = self._parameter(self.use_scale, "scale", self.scale_init, shape)
        bias = self._parameter(self.use_bias, "bias", self.bias_init, shape)
        fast = self.use_fast_variance
        y = norm.normalize(
            x, mean, var, axes, scale=scale, bias=bias, epsilon=self.epsilon, fast=fast
        )
        operands = [value for value in (x, scale, bias) if value is not None]
        return jnp.asarray(y, dtypes.canonicalize_dtype(*operands, dtype=self.dtype))

    def _moments(self, x: Array, axes: tuple[int, ...], mask: Array | None) -> norm.Moments:
        initializing = self.is_initializing()
        if mask is None and self.axis_name is None and not initializing:
            norm.expect_several(x, axes)
        dtype = jnp.result_type(x if self.dtype is None else self.dtype)
        if self.force_float32_reductions:
            dtype = jnp.promote_types(dtype, jnp.float32)
        return norm.batch_moments(
            x,
            axes,
            mask=mask,
            # While initialising there may be no mapped axis yet.
            axis_name=None if initializing else self.axis_name,
            axis_index_groups=self.axis_index_groups,
            fast=self.use_fast_variance,
            dtype=dtype,
        )

    def _parameter(
        self, used: bool, name: str, init: Callable[..., Array], shape: tuple[int, ...]
    ) -> Array | None:
        return self.param(name, init, shape, self.param_dtype) if used else None

    def _axes(self, x: Array) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Check the arguments; return the feature axes and the others."""
        report = report_for(self, x)
        given = (self.axis,) if isinstance(self.axis, int) else tuple(self.axis)
        rule = f"must be axes of an input with {x.ndim} of them"
        ok = all(isinstance(axis, int) and -x.ndim <= axis < x.ndim for axis in given)
        report.expect(ok, "axis", self.axis, rule, "use -1 for channel-last inputs")
        norm.expect_rates(report, self.momentum, self.epsilon, "momentum")
        rule, fix = f"must be floating point, got {x.dtype}", "convert the input first"
        report.expect(jnp.issubdtype(x.dtype, jnp.inexact), "x", x, rule, fix, kind=True)
        rule, fix = "needs axis_name", "name the mapped axis to which the groups belong"
        groups = self.axis_index_groups
        report.expect(
            groups is None or self.axis_name is not None, "axis_index_groups", groups, rule, fix
        )
        report.done()
        features = tuple(sorted({axis % x.ndim for axis in given}))
        axes = tuple(axis for axis in range(x.ndim) if axis not in features)
        stats = jnp.asarray(self.get_variable("batch_stats", "mean", jnp.zeros(0)))
        shape = tuple(x.shape[axis] for axis in features)
        rule = f"has features {shape}, the stored statistics have {stats.shape}"
        fix = "check that the features are on the last axis (NHWC)"
        report.expect(stats.shape in ((0,), shape), "x", x, rule, fix)
        report.done()
        return features, axes


@dataclasses.dataclass(frozen=True)
class BatchNormConfig:
    """Which batch normalisation a model uses: hashable, comparable, and called to build it.

    A model holds it as a field, `norm: Callable = BatchNormConfig()`, binds training once with
    `functools.partial(self.norm, use_running_average=not train)` and builds layers from that.
    The fields are those of `BatchNorm`; note `momentum`, which is 0.9 here as in torchvision.

    >>> BatchNormConfig() == BatchNormConfig(), len({BatchNormConfig(), BatchNormConfig()})
    (True, 1)
    >>> BatchNormConfig(epsilon=1e-3)(use_running_average=True, name="norm").epsilon
    0.001
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    axis_name: str | None = None
    axis_index_groups: tuple[tuple[int, ...], ...] | None = None
    use_bias: bool = True
    use_scale: bool = True
    use_fast_variance: bool = True
    unbiased: bool = False
    frozen: bool = False

    def __call__(
        self,
        *,
        use_running_average: bool | None = None,
        dtype: Dtype | None = None,
        name: str | None = None,
        **overrides: Any,
    ) -> BatchNorm:
        """Return the layer; `overrides` are fields of `BatchNorm` for this place only."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields |= overrides
        return BatchNorm(use_running_average, dtype=dtype, name=name, **fields)


@dataclasses.dataclass(frozen=True)
class GroupNormConfig:
    """Group normalisation for a model's field `norm`: small batches, and none in the statistics.

    Any constructor called `norm(name=..., dtype=...)` serves there, e.g. `flax.linen.LayerNorm`;
    only one that has the argument `use_running_average` is told whether the model trains. This
    config takes the argument, so that it can stand wherever a `BatchNormConfig` does, and does
    without it: there is no collection `batch_stats`. Partials would do, but equal ones are not
    equal, and their models would compile twice.

    Attributes:
      num_groups: groups of channels, a divisor of every layer's; 1 normalises all together.
      epsilon: added to the variance, > 0.
      use_bias: whether to add beta.
      use_scale: whether to multiply by gamma.

    Source: Wu & He 2018, "Group normalization", equation 7.

    >>> GroupNormConfig(8) == GroupNormConfig(8), GroupNormConfig(8)(name="norm").num_groups
    (True, 8)
    """

    num_groups: int = 32
    epsilon: float = 1e-5
    use_bias: bool = True
    use_scale: bool = True

    def __call__(
        self,
        *,
        use_running_average: bool | None = None,
        dtype: Dtype | None = None,
        name: str | None = None,
        **overrides: Any,
    ) -> nn.GroupNorm:
        """Return the layer; `overrides` are fields of `flax.linen.GroupNorm` for this place."""
        del use_running_average  # the same in training and evaluation
        return nn.GroupNorm(**{**dataclasses.asdict(self), **overrides}, dtype=dtype, name=name)


class LocalResponseNorm(nn.Module):
    """Normalises across neighbouring channels (`jaxcnn.ops.local_response_norm`).

    Attributes:
      size: number of neighbouring channels.
      alpha: weight of their energy.
      beta: the power.
      k: added to the energy.
      average: whether `alpha` is divided by `size` (PyTorch) or not (AlexNet's paper).

    >>> import jax
    >>> LocalResponseNorm(5, k=2.0, average=False).apply({}, jnp.ones((1, 1, 1, 2))).round(3)
    Array([[[[0.595, 0.595]]]], dtype=float32)
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0
    average: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalise `(..., C)`."""
        options = {"alpha": self.alpha, "beta": self.beta, "k": self.k, "average": self.average}
        with inside("/".join(self.path)):
            return local_response_norm(x, self.size, **options)
