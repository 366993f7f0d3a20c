"""Which places a network has: listed without computing anything, and found by name."""

import difflib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from flax import errors, traverse_util
from flax import linen as nn

from jaxcnn.checks import Report, is_int
from jaxcnn.taps.arguments import split
from jaxcnn.taps.places import COLLECTIONS, PREFIX, Place, is_pattern, matches, slot
from jaxcnn.taps.run import Inputs, Setting, apply, interceptor
from jaxcnn.typing import Array, Key, Shape, Variables

MISSING = (
    errors.InvalidRngError,
    errors.ScopeParamNotFoundError,
    errors.ScopeCollectionNotFound,
    errors.ScopeVariableNotFoundError,
    errors.ScopeParamShapeError,  # a dense layer that wants images of another size
)

BRANCHES = ("cond", "switch")

Site = tuple[tuple[str, ...], str]
"""Path and method."""


@dataclass
class Listing:
    """The places of a network in the order in which they are entered, and what is not there."""

    places: dict[str, Place] = field(default_factory=dict)
    specs: dict[Place, Any] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    """Names within a lifted transform that lets nothing out, and its name."""
    owners: set[str] = field(default_factory=set)
    """Names of all modules that have variables, reached or not."""
    missing: Exception | None = None
    """Why the model could not be followed to its end: a variable or key that is not there."""


def list_taps(
    model: nn.Module,
    x: Array | jax.ShapeDtypeStruct | Shape,
    pattern: str = "**",
    *,
    variables: Variables | None = None,
    train: bool = False,
    rngs: Key | Mapping[str, Key] | None = None,
    mutable: Any = None,
    **options: Any,
) -> dict[str, Any]:
    """Return the places of a network that `features` and `grad_at` can look at.

    `path` is the output of a module, `path:input` its input; `:input` and `:output` alone are
    those of the whole model. `path#2` is the second call of a module that is called several
    times, `path.method` another method than `__call__`. Nothing is computed.

    Args:
      model: Any Linen module, not bound to variables.
      x: Its input (N, *S, C), or the shape of a float32 one, or a `jax.ShapeDtypeStruct`.
      pattern: Names to list: `*` and `?` stay within one name, `**` goes through all levels.
      variables: Variables of the model; None for those that it would initialise.
      train: Whether the model runs in training mode.
      rngs: Random keys, as `model.apply` takes them; None where listing makes its own.
      mutable: Collections that the model may write; see `features`.
      **options: Further arguments of the model.

    Returns:
      A shape and type, `jax.ShapeDtypeStruct`, for each name, in the order of the network; a
      tree of them where a module returns or takes several arrays.

    Raises:
      ValueError: If the model is bound, or has no argument `train` and should train.

    Example:
      >>> from jaxcnn import create_model
      >>> for name, spec in list_taps(create_model("lenet5"), (1, 32, 32, 1), "conv*").items():
      ...     print(name, spec.shape)
      conv1 (1, 28, 28, 6)
      conv2 (1, 10, 10, 16)
    """
    key = jax.random.key(0)
    if isinstance(x, tuple) and all(map(is_int, x)):
        x = jax.ShapeDtypeStruct(x, jnp.float32)
    setting, arrays = split("list_taps", model, train, mutable, options)
    given = {**setting.options, **arrays}
    if variables is None:
        variables = jax.eval_shape(lambda x: model.init(key, x, **given), x)
    inputs = Inputs(variables, x, {"params": key} if rngs is None else rngs, arrays)
    listing = list_places(setting, inputs)
    if listing.missing is not None:
        raise listing.missing
    return {n: listing.specs[listing.places[n]] for n in matches(pattern, listing.places)}


def list_places(setting: Setting, inputs: Inputs) -> Listing:
    """Follow the network abstractly, as far as its variables are there, and list its places."""
    listing = Listing(owners=set(_owners(inputs.variables)))
    entered: dict[Site, str] = {}

    def touch(module: nn.Module, method: str, side: str, value: Any) -> Any:
        scope, name = module.scope, slot(method, side)
        assert scope is not None
        collection, lift = way_out(scope)
        entered.setdefault((module.path, method), lift)
        if collection:
            before = scope.get_variable(collection, name, ())
            scope.put_variable(collection, name, (*before, value))
        return value

    def body(root: Any, x: Any, **options: Any) -> None:
        with nn.intercept_methods(interceptor(touch)):
            try:
                root(x, **options)
            except MISSING as error:
                listing.missing = error

    def follow(inputs: Inputs) -> Any:
        # The extra name keeps this apart from the runs that `nn.jit` remembers.
        out = apply(body, setting, inputs, {}, "list_taps")[1]
        return {name: out.get(name, {}) for name in COLLECTIONS}

    _enter(listing, jax.eval_shape(follow, inputs), list(entered))
    for (path, method), lift in entered.items():
        if lift:
            listing.closed[Place(path, method, 1, "output").name(1)] = lift
    return listing


def _owners(variables: Any) -> Iterator[str]:
    """Yield the path of every module that holds a variable, or a module that does."""
    for path in itertools.chain.from_iterable(map(traverse_util.flatten_dict, variables.values())):
        yield from ("/".join(path[:end]) for end in range(1, len(path)))


def _enter(listing: Listing, found: Any, entered: list[Site]) -> None:
    """Name what was found, in the order in which it was entered."""

    def ours(key: tuple[str, ...], _: Any = None) -> bool:
        return bool(key) and key[-1].startswith(PREFIX)

    flat = traverse_util.flatten_dict(found, is_leaf=ours)
    sites: dict[Site, dict[str, Any]] = {}
    for key in filter(ours, flat):
        collection, *path, name = key
        _, method, side = name.split(":")
        sites.setdefault((tuple(path), method), {})[side] = (collection, flat[key])
    # What `nn.jit` had compiled before was not entered again: it comes last.
    for path, method in [s for s in entered if s in sites] + [s for s in sites if s not in entered]:
        sides = sites[path, method]
        count = max(len(specs) for _, specs in sides.values())
        for i, side in itertools.product(range(count), ("input", "output")):
            collection, specs = sides.get(side, ("", ()))
            if len(specs) == count:
                place = Place(path, method, i + 1, side, collection)
                listing.places[place.name(count)] = place
                listing.specs[place] = specs[i]


def way_out(scope: Any) -> tuple[str, str]:
    """Return the collection that carries values out of a scope, or the lift that lets none out."""
    lifts = [lift for part in scope.debug_path for lift in re.findall(r"(\w+)\(", part)]
    branches = [lift for lift in lifts if lift in BRANCHES]
    # The branches of a conditional would have to write the same variables.
    open_ = [] if branches else [name for name in COLLECTIONS if scope.is_mutable_collection(name)]
    return (open_[0], "") if open_ else ("", f"nn.{(branches or lifts)[-1]}")


def resolve(
    listing: Listing, at: Sequence[str], report: Report, argument: str = "at"
) -> dict[str, Place]:
    """Return the places with these names or matching these patterns, in the order asked for."""
    found: dict[str, Place] = {}
    report.expect(len(at) > 0, "at", at, "must name a place", "use at=[':output'], or list_taps")
    for name in at:
        plain = name if name == ":output" else name.removesuffix(":output")
        names = matches(plain, listing.places) if is_pattern(plain) else [plain]
        known = [n for n in names if n in listing.places]
        found.update({(n if is_pattern(plain) else name): listing.places[n] for n in known})
        if not known and listing.missing is not None:
            listing.missing.add_note(f"{report.function}: {name!r} was not reached before.")
            raise listing.missing
        if not known:
            report.expect(False, argument, name, *_not_there(plain, listing))
    return found


def _not_there(name: str, listing: Listing) -> tuple[str, str]:
    """Return the rule that a name breaks, and what to write instead."""
    base, _, side = name.partition(":")
    suffix = f":{side}" if side else ""
    calls = [n for n in listing.places if re.fullmatch(re.escape(base) + r"#\d+" + suffix, n)]
    if calls:
        rule = f"is called {len(calls)} times, so the name must say which call"
        return rule, f"use {calls[0]!r} for the first, to {calls[-1]!r}"
    if base in listing.closed:
        lift = listing.closed[base]
        if lift.removeprefix("nn.") in BRANCHES:
            return f"lies in one branch of {lift}", "look at the module around the branches"
        fix = f"add {COLLECTIONS[0]!r}: 0 to the variable_axes of {lift}, or pass mutable="
        fix += "['intermediates'] if it lifts these, or look at the whole stack"
        return f"lies inside {lift}, which lets no values out", fix
    if base in listing.owners and base not in listing.places:
        rule = "has variables, but the model does not come by it in this call"
        return rule, "pass train=True if it runs in training only, as auxiliary heads do"
    near = difflib.get_close_matches(name, listing.places, n=3, cutoff=0.5)
    rule = "is no place of this model" + (
        f"; nearest: {', '.join(map(repr, near))}" if near else ""
    )
    return rule, f"jaxcnn.taps.list_taps(model, x) lists all {len(listing.places)} names"
