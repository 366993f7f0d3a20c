"""What the families share: bound constructors, recomputed blocks, rates, the last layer."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any

from flax import linen as nn

from jaxcnn import layers
from jaxcnn.checks import Report
from jaxcnn.models.inputs import as_logits
from jaxcnn.ops import global_avg_pool
from jaxcnn.typing import Array


def bound(model: Any, train: bool, **conv_options: Any) -> tuple[Any, Any]:
    """Return the model's constructors of convolutions and norms, told type and mode.

    Only norms with the argument `use_running_average` are told the mode: those that know no
    batch, such as `flax.linen.GroupNorm`, lack it (see `layers.GroupNormConfig`).

    Args:
      model: A module with the fields `conv`, `norm` and `dtype`.
      train: Whether norms use the statistics of the batch.
      **conv_options: Options of every convolution, such as `kernel_init`.

    Returns:
      `conv(features, kernel_size, name=...)` and `norm(name=...)`, or None where the model has
      no norm.
    """
    norm = model.norm and partial(model.norm, dtype=model.dtype)
    if norm and _takes(model.norm, "use_running_average"):
        norm = partial(norm, use_running_average=not train)
    return partial(model.conv, dtype=model.dtype, **conv_options), norm


def _takes(function: Callable[..., Any], argument: str) -> bool:
    known = inspect.signature(function).parameters
    return argument in known or any(p.kind is p.VAR_KEYWORD for p in known.values())


def expect_one_length(model: str, **tables: tuple[Any, ...]) -> None:
    """Refuse tables of which one has more entries than the first, such as blocks and widths.

    >>> expect_one_length("convnext", blocks=(3, 3), widths=(96,))
    Traceback (most recent call last):
    jaxcnn.checks.ArgumentError: convnext: widths=(96,): must have 2 entries, one for each of
    blocks=(3, 3). Fix: give both the same length
    """
    report = Report(model)
    (first, known), *others = tables.items()
    for name, table in others:
        rule = f"must have {len(known)} entries, one for each of {first}={known}"
        fix = "give both the same length"
        report.expect(len(table) == len(known), name, table, rule, fix)
    report.done()


def recomputed(block: type[nn.Module], remat: bool) -> Any:
    """Return the block, which with `remat` keeps only its input for the backward pass.

    This trades a second forward pass of each block for the memory of its inner activations
    (Chen et al. 2016, "Training deep nets with sublinear memory cost").
    """
    return nn.remat(block) if remat else block


def linear_rates(last: float, blocks: int) -> tuple[float, ...]:
    """Return stochastic-depth rates that grow linearly from the first block to the last.

    Block l of L is dropped with probability `last * l / L` (Huang et al. 2016, equation 4).

    >>> linear_rates(0.2, 4)
    (0.05, 0.1, 0.15..., 0.2)
    """
    report = Report("linear_rates")
    report.fraction("stochastic_depth", last)
    report.done()
    return tuple(last * i / blocks for i in range(1, blocks + 1))


def stage_rates(last: float, blocks: Sequence[int]) -> tuple[tuple[float, ...], ...]:
    """Return the linear rates of a whole network, cut into its stages; empty ones for rate 0.

    >>> stage_rates(0.5, (1, 3))
    ((0.125,), (0.25, 0.375, 0.5))
    """
    rates = iter(() if last == 0 else linear_rates(last, sum(blocks)))
    return tuple(tuple(islice(rates, count)) for count in blocks)


def dropped(x: Array, rate: float, train: bool, name: str) -> Array:
    """Return `x` with a share of its features dropped in training; needs no key at rate 0."""
    return x if rate == 0 else layers.Dropout(rate, name=name)(x, deterministic=not train)


class Named(nn.Module):
    """A function without parameters under a name, so that taps find it: `pool5`."""

    function: Callable[[Array], Array]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Apply the function."""
        return self.function(x)


def classify(
    model: Any, x: Array, train: bool, *, drop: bool = True, **dense_options: Any
) -> Array:
    """Return the logits of the features (N, F), or the features where there are no classes.

    Args:
      model: A module with the fields `num_classes`, `dtype` and, where it drops, `dropout`.
      x: Features (N, F).
      train: Whether features are dropped.
      drop: Whether the model drops here at all.
      **dense_options: Options of the last layer, such as `kernel_init`.
    """
    if model.num_classes == 0:
        return as_logits(x)
    if drop:
        x = dropped(x, getattr(model, "dropout", 0.0), train, "head_dropout")
    head = nn.Dense(model.num_classes, dtype=model.dtype, name="head", **dense_options)
    return as_logits(head(x))


def classify_maps(
    model: Any, x: Array, train: bool, *, drop: bool = True, **conv_options: Any
) -> Array:
    """Return the logits of maps by a 1x1 convolution, nonlinearity and the mean over positions.

    Without classes it returns the mean of the maps (N, F), the features to build on.

    Args:
      model: A module with the fields `num_classes`, `dropout`, `act`, `conv` and `dtype`.
      x: Maps (N, H, W, F).
      train: Whether elements are dropped.
      drop: Whether the model drops here at all.
      **conv_options: Options of the convolution, such as `kernel_init`.
    """
    if model.num_classes == 0:
        return as_logits(global_avg_pool(x))
    if drop:
        x = dropped(x, model.dropout, train, "head_dropout")
    head = model.conv(model.num_classes, (1, 1), dtype=model.dtype, name="head", **conv_options)
    return global_avg_pool(as_logits(model.act(head(x))))
