"""`jaxcnn.summary`: what a network is made of and costs, known without running it."""

import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.models.inspect.memory import kept_bytes, peak_bytes
from jaxcnn.models.inspect.rows import Row, rows_of
from jaxcnn.models.inspect.table import folded, text
from jaxcnn.models.inspect.trace import run_arguments, trace
from jaxcnn.models.inspect.value import Value
from jaxcnn.typing import Shape

OPTIMIZERS = {"sgd": 0, "sgd_momentum": 1, "adam": 2}
"""Numbers that an optimizer keeps for each parameter."""


@dataclass(frozen=True)
class Summary:
    """What a network is made of, layer by layer, and what it costs.

    Multiply-adds are those of convolutions and matrix products in evaluation, as torchvision
    counts them (a grouped convolution only its own channels, a transposed one every tap of every
    input); norms, biases, nonlinearities and pooling count none. Auxiliary heads, which
    evaluation does not run, count their parameters, and no multiply-adds. Multiply-adds and
    activations are those of the whole batch.

    Attributes:
      name: Class of the network.
      input_shape: Shape of the input, batch first.
      rows: One row per layer; their parameters and multiply-adds add up to the totals.
      total_params: Trainable parameters.
      idle_params: Those of them that evaluation does not use, such as auxiliary heads'.
      total_macs: Multiply-adds.
      state_size: Numbers in other collections of variables: the batch statistics.
      params_bytes: Memory of the parameters; gradients take as much again.
      state_bytes: Memory of the other collections.
      activation_bytes: Most memory that activations take at once in evaluation.
      notes: What had to be assumed.

    Example:
      >>> found = summary(nn.Conv(8, (3, 3)), (32, 32, 3))
      >>> found.total_params, found.total_macs, found.rows[0].output_shape
      (224, 221184, (1, 32, 32, 8))
    """

    name: str
    input_shape: Shape
    rows: tuple[Row, ...]
    total_params: int
    idle_params: int
    total_macs: int
    state_size: int
    params_bytes: int
    state_bytes: int
    activation_bytes: int
    notes: tuple[str, ...]
    _kept: Callable[[], int] = field(repr=False, compare=False)

    @functools.cached_property
    def training_bytes(self) -> int | None:
        """Memory of what a forward pass in training keeps for the backward pass.

        It is found by tracing the gradient when it is first asked for; None if the network
        cannot be traced so, as when it has no parameters.
        """
        try:
            return self._kept()
        except Exception:
            return None

    def optimizer_bytes(self, optimizer: str = "adam") -> int:
        """Return the memory of the state of `"sgd"`, `"sgd_momentum"` or `"adam"`.

        Raises:
          ValueError: If it is none of these.
        """
        report = Report("optimizer_bytes")
        report.choice("optimizer", optimizer, tuple(OPTIMIZERS))
        report.done()
        return OPTIMIZERS[optimizer] * self.params_bytes

    def table(self, depth: int | None = None) -> str:
        """Return the rows as an aligned table; those below `depth` names are added up."""
        return text(self, depth)

    def to_dict(self, depth: int | None = None) -> dict[str, Any]:
        """Return everything as plain dicts, lists and numbers."""
        found = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        del found["_kept"]
        found["training_bytes"] = self.training_bytes
        found["optimizer_bytes"] = {name: self.optimizer_bytes(name) for name in OPTIMIZERS}
        rows = [dataclasses.asdict(row) for row in folded(self.rows, depth)]
        return json.loads(json.dumps({**found, "rows": rows}))

    def to_json(self, depth: int | None = None) -> str:
        """Return everything as JSON text."""
        return json.dumps(self.to_dict(depth), indent=1)

    def __str__(self) -> str:
        return self.table()


def summary(
    model: nn.Module,
    input_shape: Sequence[int | None],
    *,
    batched: bool | None = None,
    dtype: Any = jnp.float32,
    **arguments: Any,
) -> Summary:
    """Return what a network is made of and costs: no array is allocated, nothing is computed.

    Any Linen module will do. It is traced as it evaluates (`train=False`, `deterministic=True`
    and the like are passed where its call has them), and every equation counts to the module
    that makes it; convolutions that are no module, and functional pools, have rows of their own.

    Args:
      model: A Linen module.
      input_shape: Shape of the input. Three sizes are one image, `(H, W, C)`; any other number
        of them is the whole shape, batch first. The batch axis may be given as None, for one.
      batched: Says outright whether `input_shape` has the batch axis: `(1000, 2)` with
        `batched=False` is a signal of 1000 steps.
      dtype: Type of the input.
      **arguments: Further arguments of the network's call, such as `train=True`.

    Returns:
      A `Summary`; `str()` of it is a table.

    Raises:
      ValueError: If the network cannot run on this shape.
      TypeError: If `model` is not a Linen module or `input_shape` not a tuple of ints.

    Example:
      >>> from jaxcnn.models import create_model
      >>> found = summary(create_model("lenet5"), (32, 32, 1))
      >>> found.total_params, found.total_macs
      (61706, 416520)
      >>> [(row.path, row.field, row.jump) for row in found.rows][:2]
      [('conv1', (5, 5), (1, 1)), ('pool1', (6, 6), (2, 2))]
    """
    seen = trace("summary", model, input_shape, batched, dtype, arguments)
    rows = rows_of(seen)
    variables = dict(seen.variables)
    params = jax.tree.leaves(variables.pop("params", {}))
    state = jax.tree.leaves(variables)
    return Summary(
        name=type(model).__name__,
        input_shape=seen.x.shape,
        rows=rows,
        total_params=sum(p.size for p in params),
        idle_params=sum(row.params for row in rows if not row.runs),
        total_macs=sum(step.work for step in seen.steps),
        state_size=sum(s.size for s in state),
        params_bytes=sum(p.size * p.dtype.itemsize for p in params),
        state_bytes=sum(s.size * s.dtype.itemsize for s in state),
        activation_bytes=peak_bytes(seen.steps, seen.x, seen.results),
        notes=seen.notes,
        _kept=functools.partial(training_residuals, model, seen.variables, seen.x, arguments),
    )


def training_residuals(
    model: nn.Module, variables: Any, image: Value, arguments: dict[str, Any]
) -> int:
    """Return the memory that a training step of the network keeps for its backward pass."""
    off = run_arguments(model, {})
    on: dict[str, Any] = {name: not value for name, value in off.items()} | arguments
    key = jax.eval_shape(lambda: jax.random.key(0))
    x = jax.ShapeDtypeStruct(image.shape, image.dtype)

    def run(variables: Any, key: Any, x: Any) -> Any:
        return model.apply(variables, x, rngs={"params": key}, mutable=True, **on)[0]

    return kept_bytes(run, variables, key, x)
