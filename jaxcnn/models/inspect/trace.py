"""Any Linen module as an abstract program, in which every equation names its module."""

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import jax
from flax import linen as nn
from flax.core import meta
from jax.ad_checkpoint import checkpoint_name

from jaxcnn.checks import ArgumentError, ArgumentTypeError, Report, is_int
from jaxcnn.models.inspect.spread import Spread
from jaxcnn.models.inspect.value import Value
from jaxcnn.models.inspect.walk import Path, Step, Walk
from jaxcnn.typing import Shape

OUTPUT = "output of a module call"
EVALUATION = {
    "train": False,
    "training": False,
    "is_training": False,
    "deterministic": True,
    "use_running_average": True,
}
"""Arguments that say whether a network trains, with the value that says no."""


@dataclass(frozen=True)
class Trace:
    """What one abstract run of a network showed.

    Attributes:
      steps: The equations, in order.
      calls: The module of every call, by its path, in order.
      variables: Shapes of the variables.
      x: The input.
      results: The outputs.
      notes: What had to be assumed.
      idle: Modules that only `init` runs, by path: the auxiliary heads.
    """

    steps: tuple[Step, ...]
    calls: dict[Path, nn.Module]
    variables: dict[str, Any]
    x: Value
    results: tuple[Value, ...]
    notes: tuple[str, ...]
    idle: dict[Path, nn.Module]


def trace(
    function: str, model: Any, input_shape: Any, batched: bool | None, dtype: Any,
    given: dict[str, Any],
) -> Trace:  # fmt: skip
    """Run a network on shapes alone: nothing is computed, and no array is allocated.

    Args:
      function: Who asks; it opens the messages of errors.
      model: A Linen module.
      input_shape: Shape of its input, which need not have the batch axis.
      batched: Whether it has; None decides by the number of sizes.
      dtype: Type of the input.
      given: Further arguments of the network's call.

    Returns:
      The equations, each with the module that makes it.

    Raises:
      ValueError: If the shape cannot be meant, or the network cannot run on it.
      TypeError: If an argument is of the wrong type.
    """
    shape = checked_shape(function, model, input_shape, batched)
    arguments = run_arguments(model, given)
    x = jax.ShapeDtypeStruct(shape, dtype)
    key = jax.eval_shape(lambda: jax.random.key(0))
    try:
        with naming_calls() as made:
            variables = jax.eval_shape(lambda k, x: model.init(k, x, **arguments), key, x)
        with naming_calls() as calls:
            program = jax.make_jaxpr(evaluation(model, arguments))(variables, key, x)
    except (ArgumentError, ArgumentTypeError):
        raise  # the network's own words
    except Exception as error:
        raise ArgumentError(
            f"{function}: {type(model).__name__} cannot run on input shape {shape}: {error} "
            "Fix: give the input_shape that the network is made for, and further arguments of "
            "its call by name"
        ) from error
    image = Value(shape, x.dtype, Spread.of_input(shape))
    learned = [Value(v.shape, v.dtype, learned=True) for v in jax.tree.leaves(variables)]
    random = [Value(k.shape, k.dtype) for k in jax.tree.leaves(key)]
    walk = Walk()
    results = walk.run(program, [*learned, *random, image])
    steps, calls = renumbered(walk.steps, calls)
    idle = {path: module for path, module in made.items() if path not in calls}
    return Trace(
        steps,
        calls,
        meta.unbox(variables),
        image,
        tuple(results),
        tuple(sorted(walk.notes)),
        idle,
    )


def evaluation(model: nn.Module, arguments: dict[str, Any]) -> Callable[..., Any]:
    """Return the pure function `(variables, key, x)` that a network is."""
    trains = any(arguments.get(name, off) is (not off) for name, off in EVALUATION.items())

    def run(variables: Any, key: Any, x: Any) -> Any:
        # Streams of random numbers that have no key of their own draw from `params`.
        options: dict[str, Any] = {"rngs": {"params": key}, "mutable": trains}
        result = model.apply(variables, x, **arguments, **options)
        return result[0] if trains else result

    return run


@contextmanager
def naming_calls() -> Iterator[dict[Path, nn.Module]]:
    """Write the module call into the name of every equation made meanwhile; collect the calls.

    The names nest, so that each holds only the part below the enclosing call: programs that JAX
    keeps for equal modules name them rightly wherever they are.
    """
    calls: dict[Path, nn.Module] = {}
    open_calls: list[tuple[Path, Path]] = []  # as numbered here, and as Flax has it

    def intercept(method: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        place = context.module.path
        outer, around = open_calls[-1] if open_calls else ((), None)
        # A module's other methods, and what Flax's transformations call in between, are no calls.
        if context.method_name == "setup" or (around or ())[: len(place)] == place and open_calls:
            return method(*args, **kwargs)
        below = place[len(around) :] if around and place[: len(around)] == around else place
        numbers = (numbered(below, n) for n in itertools.count(1))
        below = next(new for new in numbers if (*outer, *new) not in calls)
        calls[*outer, *below] = context.module
        open_calls.append(((*outer, *below), place))
        try:
            with jax.named_scope(f"call[{'/'.join(below)}]"):
                return marked(method(*args, **kwargs))
        finally:
            open_calls.pop()

    with nn.intercept_methods(intercept):
        yield calls


def numbered(path: Path, number: int) -> Path:
    """Return the path of the n-th call of a module.

    >>> numbered(("head", "fc"), 1), numbered(("head", "fc"), 2)
    (('head', 'fc'), ('head', 'fc#2'))
    """
    return path if number == 1 or not path else (*path[:-1], f"{path[-1]}#{number}")


def renumbered(
    steps: list[Step], calls: dict[Path, nn.Module]
) -> tuple[tuple[Step, ...], dict[Path, nn.Module]]:
    """Drop calls that left no step, as loops are traced more than once; number what remains."""
    present = {step.path for step in steps}
    present |= {path[:i] for path in present for i in range(len(path))}
    names: dict[Path, Path] = {(): ()}
    kept: dict[Path, nn.Module] = {}
    for path, module in calls.items():
        if path not in present:
            continue
        length = max((n for n in range(len(path)) if path[:n] in names), default=0)
        below = tuple(name.split("#")[0] for name in path[length:])
        numbers = ((*names[path[:length]], *numbered(below, n)) for n in itertools.count(1))
        names[path] = next(new for new in numbers if new not in kept)
        kept[names[path]] = module
    if all(old == new for old, new in names.items()):
        return tuple(steps), kept
    return tuple(replace(step, path=names.get(step.path, step.path)) for step in steps), kept


def marked(result: Any) -> Any:
    """Mark the first array of a module's result, so that the program shows it."""
    leaves, tree = jax.tree.flatten(result)
    for i, leaf in enumerate(leaves):
        if isinstance(leaf, jax.Array):
            leaves[i] = checkpoint_name(leaf, OUTPUT)
            return jax.tree.unflatten(tree, leaves)
    return result


def checked_shape(function: str, model: Any, input_shape: Any, batched: bool | None) -> Shape:
    """Return the shape of the input with its batch axis, or refuse what cannot be meant."""
    report = Report(function)
    fix = "pass a Linen module, e.g. jaxcnn.create_model('resnet50')"
    report.expect(isinstance(model, nn.Module), "model", model, "must be a Linen module", fix,
                  kind=True)  # fmt: skip
    fix = "pass (height, width, channels), e.g. (224, 224, 3)"
    if not report.expect(isinstance(input_shape, Sequence) and not isinstance(input_shape, str),
                         "input_shape", input_shape, "must be a tuple of ints", fix,
                         kind=True):  # fmt: skip
        report.done()
    shape: tuple[Any, ...] = tuple(input_shape)
    if shape and shape[0] is None and batched is not False:
        shape, batched = (1, *shape[1:]), True
    rule = "must hold ints >= 1 (None only as the batch axis)"
    good = all(is_int(n) and n >= 1 for n in shape)
    report.expect(good, "input_shape", input_shape, rule, fix)
    if batched is None:
        batched = len(shape) != 3
    shape = tuple(shape) if batched else (1, *shape)
    rule = "must have at least a batch axis and one more"
    report.expect(len(shape) >= 2, "input_shape", input_shape, rule, fix)
    report.done()
    return tuple(map(int, shape))


def run_arguments(model: nn.Module, given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the call: those given, and that the network does not train."""
    known = inspect.signature(type(model).__call__).parameters
    return {name: off for name, off in EVALUATION.items() if name in known} | given
