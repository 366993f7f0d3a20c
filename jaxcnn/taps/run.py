"""Runs a model and touches the values that go into and come out of its modules' methods."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax.core import DenyList

from jaxcnn.taps.places import COLLECTIONS, DELTA, Place, request, slot, taken

Touch = Callable[[nn.Module, str, str, Any], Any]
"""`touch(module, method, side, value) -> value`, where side is "input" or "output"."""


@dataclass(frozen=True)
class Setting:
    """What is constant in a call: the model and the options that are no arrays."""

    model: nn.Module
    train: bool = False
    mutable: Any = None
    options: dict[str, Any] = field(default_factory=dict)

    def writable(self, *extra: str) -> Any:
        """Return the collections that the model may write."""
        if self.mutable is True or (self.mutable is None and self.train):
            # Nobody trains with writable intermediates, which some models cannot bear.
            quiet = ("intermediates",) if self.mutable is None else ()
            return DenyList(("params", *quiet, *extra))
        mutable = self.mutable or ()
        names = (mutable,) if isinstance(mutable, str) else tuple(mutable)
        return (*names, COLLECTIONS[0], *extra)


class Inputs(NamedTuple):
    """The arrays of a call."""

    variables: Any
    x: Any
    rngs: Any
    options: dict[str, Any]


class Finished(BaseException):
    """Leaves a model when all that was asked for is there; no `except Exception` stops it."""


def run(
    setting: Setting,
    inputs: Inputs,
    places: Iterable[Place],
    deltas: Mapping[Place, Any] | None = None,
) -> dict[Place, Any]:
    """Return the values at places, running no module that comes later.

    Leaving early saves tracing, and the variables of later layers need not be there; what runs
    but is not needed (a branch beside, the rest of a lifted block) is left to the compiler.

    Args:
      setting: The model and its constant options.
      inputs: The arrays.
      places: Where to look; they exist.
      deltas: What is added to the values of some of them.
    """
    places = list(places)
    asked = request(places, deltas or {})

    def body(root: Any, x: Any, **options: Any) -> None:
        def leave() -> None:
            if all(len(taken(root.variables, place)) >= place.call for place in places):
                raise Finished

        with nn.intercept_methods(interceptor(take, leave)), contextlib.suppress(Finished):
            root(x, **options)

    _, out = apply(body, setting, inputs, asked)
    return {place: taken(out, place)[place.call - 1] for place in places}


def apply(body: Callable[..., Any], setting: Setting, inputs: Inputs, asked: Any, *extra: str):
    """Return `body(bound model, x, **options)` and the collections that it wrote."""
    variables = {**inputs.variables, **asked}
    function = nn.apply(body, setting.model, mutable=setting.writable(*extra))
    options = {**setting.options, **inputs.options}
    return function(variables, inputs.x, rngs=inputs.rngs, **options)


def take(module: nn.Module, method: str, side: str, value: Any) -> Any:
    """Keep a value that is asked for, after its delta is added."""
    scope, name = module.scope, slot(method, side)
    assert scope is not None
    for collection in COLLECTIONS:
        if scope.has_variable(collection, name):
            before = scope.get_variable(collection, name)
            deltas = scope.get_variable(collection, DELTA + name, {})
            delta = deltas.get(str(len(before) + 1))
            value = value if delta is None else jax.tree.map(jnp.add, value, delta)
            scope.put_variable(collection, name, (*before, value))
    return value


def interceptor(touch: Touch, leave: Callable[[], None] = lambda: None) -> Callable[..., Any]:
    """Return a Flax interceptor that touches inputs and outputs, then asks whether to leave.

    A lifted method (`nn.remat`, `nn.jit`) runs as itself inside of itself, and an inherited one
    within its override; the outermost of them counts, whose values are outside of the lift.
    """
    active: list[tuple[tuple[str, ...], str]] = []

    def intercept(next_fun: Any, args: Any, kwargs: Any, context: nn.module.InterceptorContext):
        module, method = context.module, context.method_name
        hidden = method == "setup" or (method.startswith("_") and method != "__call__")
        if hidden or module.scope is None or (module.path, method) in active:
            return next_fun(*args, **kwargs)
        active.append((module.path, method))
        try:
            args, kwargs = _touch_arguments(touch, module, method, args, kwargs)
            y = next_fun(*args, **kwargs)
            y = _touch_arrays(touch, module, method, "output", y)
        finally:
            active.pop()
        # Inside a lifted scope, values are not yet at the root: it is left only from outside.
        if module.scope.debug_path == module.scope.path:
            leave()
        return y

    return intercept


def is_arrays(value: Any) -> bool:
    """Whether a value is an array, or a tree of at least one and nothing but arrays."""
    leaves = jax.tree.leaves(value)
    return bool(leaves) and all(isinstance(leaf, jax.Array | np.ndarray) for leaf in leaves)


def _touch_arrays(touch: Touch, module: nn.Module, method: str, side: str, value: Any) -> Any:
    """Touch the arrays of a tree; other leaves are left, for the model may compute shapes of them.

    What is touched has None in their place.
    """
    leaves, tree = jax.tree.flatten(value)
    arrays = [is_arrays(leaf) for leaf in leaves]
    if all(arrays):
        return touch(module, method, side, value) if leaves else value
    if not any(arrays):
        return value
    bare = tree.unflatten(leaf if ok else None for leaf, ok in zip(leaves, arrays, strict=True))
    touched = iter(jax.tree.leaves(touch(module, method, side, bare)))
    return tree.unflatten(
        next(touched) if ok else leaf for leaf, ok in zip(leaves, arrays, strict=True)
    )


def _touch_arguments(touch: Touch, module: nn.Module, method: str, args: Any, kwargs: Any):
    """Touch the arrays among the arguments, those by position if there are any, as one value."""
    given = {**dict(enumerate(args)), **kwargs}
    arrays = [k for k, value in given.items() if any(map(is_arrays, jax.tree.leaves(value)))]
    names = [key for key in arrays if isinstance(key, int)] or arrays
    if names:
        values = tuple(given[key] for key in names)
        value = values if len(names) > 1 else values[0]
        touched = _touch_arrays(touch, module, method, "input", value)
        given.update(zip(names, touched if len(names) > 1 else (touched,), strict=True))
    return tuple(given[i] for i in range(len(args))), {key: given[key] for key in kwargs}
