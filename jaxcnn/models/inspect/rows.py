"""The layers of a network, one row each, from the steps of its trace."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
from flax import linen as nn

from jaxcnn.checks import is_int
from jaxcnn.models.inspect.field import Extent
from jaxcnn.models.inspect.kinds import class_of, groups_of, kind_of, window_of
from jaxcnn.models.inspect.spread import sources
from jaxcnn.models.inspect.trace import OUTPUT, Trace
from jaxcnn.models.inspect.value import Value
from jaxcnn.models.inspect.walk import Path, Step
from jaxcnn.typing import Shape

SEPARABLE = ("resize", "adaptive_avg_pool")  # computed axis by axis, but one layer


Layer = tuple[int, Step, str]
"""An equation that is a layer: its place, itself, and what it is called."""


@dataclass(frozen=True)
class Row:
    """One layer: a module that holds no others, or an operation that is no module.

    Attributes:
      path: Names of the modules down to this one, joined by `/`; a second call of the same
        module ends in `#2`.
      kind: Class of the module, or name of the operation.
      output_shape: Shape of its (first) result; None if evaluation does not run it.
      kernel: Window along each spatial axis, where it has one.
      stride: Steps of the window.
      groups: Groups of channels that are convolved apart.
      params: Trainable parameters; a module called again shows them once.
      macs: Multiply-adds, for the whole batch.
      field: Receptive field along each spatial axis of the network's input: inputs that one
        output sees, not clipped at the borders; `"all"` or `"?"`.
      jump: Inputs from one output to the next, along each axis: the total stride; none where
        no spatial axis is left.
      times: How often it runs, in a loop.
      runs: Whether evaluation runs it; an auxiliary head only trains.
    """

    path: str
    kind: str
    output_shape: Shape | None = None
    kernel: Shape | None = None
    stride: Shape | None = None
    groups: int = 1
    params: int = 0
    macs: int = 0
    field: tuple[int | str, ...] = ()
    jump: tuple[int | float, ...] = ()
    times: int = 1
    runs: bool = True


def rows_of(trace: Trace) -> tuple[Row, ...]:
    """Return the rows of a trace, in the order of the calls; what does not run comes last."""
    params = parameters_by_module(trace.variables)
    parents = {path[:i] for path in trace.calls for i in range(len(path))}
    first: dict[Path, int] = {}
    layers: dict[Path, list[Layer]] = defaultdict(list)
    turned: dict[int, Value] = {}
    outputs: dict[Path, Value] = {}
    work: dict[Path, int] = defaultdict(int)
    for i, step in enumerate(trace.steps):
        for depth in range(len(step.path), -1, -1):
            if first.setdefault(step.path[:depth], i) != i:
                break
        work[step.path] += step.work
        if step.name == "transpose":
            turned[id(step.operands[0])] = step.results[0]
        elif step.params.get("name") == OUTPUT:
            outputs[step.path] = step.results[0]
        elif (kind := kind_of(step)) is not None:
            layers[step.path].append((i, step, kind))
    rows: list[tuple[int, Row]] = []
    for path, module in trace.calls.items():
        own, held = layers[path], params.pop(path, 0)
        single = path not in parents and len(own) <= 1
        if single or held:
            step = own[0][1] if own and single else None
            done = work[path] if single else 0
            rows.append(
                (first[path], module_row(path, module, outputs.get(path), step, held, done))
            )
        if not single:
            rows += operation_rows(path, own, turned)
    rows.sort(key=lambda item: item[0])
    return (*(row for _, row in rows), *idle_rows(trace.idle, params))


def module_row(
    path: Path, module: nn.Module, result: Value | None, step: Step | None, params: int, work: int
) -> Row:
    """Return the row of a module, of which `step` is the one operation that matters."""
    kernel, stride = window_of(step) if step else (None, None)
    return Row(
        "/".join(path),
        # A module that only names a pool is called by the pool.
        kind_of(step) or "" if step and not params and not work else class_of(module),
        result and result.shape,
        as_window(getattr(module, "kernel_size", None)) or kernel,
        as_window(getattr(module, "strides", None), kernel) or stride,
        groups_of(step) if step else 1,
        params,
        work,
        *seen_by(result),
        times=step.times if step else 1,
    )


def operation_rows(
    path: Path, layers: list[Layer], turned: dict[int, Value]
) -> list[tuple[int, Row]]:
    """Return a row for each operation of a module, numbered where there are several of a kind."""
    rows: list[tuple[int, Row]] = []
    count: dict[str, int] = defaultdict(int)
    last: Step | None = None
    for i, step, kind in layers:
        again = kind in SEPARABLE and last is not None and last.name == step.name
        last = step
        if again:  # the next axis of the same resizing
            i, row = rows.pop()
        else:
            count[kind] += 1
            name = kind if count[kind] == 1 else f"{kind}_{count[kind]}"
            row = Row("/".join((*path, name)), kind)
        kernel, stride = window_of(step)
        result = step.results[0]
        if kind in SEPARABLE:  # a product puts the axis that it makes last
            result = turned.get(id(result), result)
        field, jump = seen_by(result)
        rows.append((i, replace(
            row, output_shape=result.shape, kernel=kernel, stride=stride, groups=groups_of(step),
            macs=row.macs + step.work, field=field, jump=jump, times=step.times,
        )))  # fmt: skip
    return rows


def idle_rows(idle: dict[Path, nn.Module], params: dict[Path, int]) -> list[Row]:
    """Return the rows of parameters that evaluation does not use."""
    kinds = {path: class_of(module) for path, module in idle.items()}
    return [
        Row("/".join(path), kinds.get(path, "parameters"), params=count, runs=False)
        for path, count in params.items()
    ]


def parameters_by_module(variables: dict[str, Any]) -> dict[Path, int]:
    """Count the parameters that each module itself holds."""
    counts: dict[Path, int] = defaultdict(int)
    for keys, leaf in jax.tree_util.tree_leaves_with_path(variables.get("params", {})):
        counts[tuple(str(key.key) for key in keys[:-1])] += leaf.size
    return dict(counts)


def seen_by(value: Value | None) -> tuple[tuple[int | str, ...], tuple[int | float, ...]]:
    """Return the receptive field and the total stride of a result, along each spatial axis."""
    if value is None or value.spread is None:
        return (), ()
    names = {Extent.ALL: "all", Extent.UNKNOWN: "?"}
    sizes = tuple(names.get(f.extent, f.size or 0) for f in value.spread.fields)
    # Without spatial axes there is no next output to jump to.
    left = {source for axis in value.spread.axes for source in sources(axis)}
    jumps = [field.jump for i, field in enumerate(value.spread.fields) if i in left]
    return sizes, tuple(int(j) if j.denominator == 1 else float(j) for j in jumps)


def as_window(value: Any, like: Shape | None = None) -> Shape | None:
    """Return a module's `kernel_size` or `strides` as a tuple, if it is one."""
    if is_int(value):
        return (int(value),) * (len(like) if like else 1)
    good = isinstance(value, Sequence) and all(map(is_int, value))
    return tuple(value) if good else None
