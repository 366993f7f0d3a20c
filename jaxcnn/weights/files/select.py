"""Finds the state dict in what a file holds: under which key, with which prefix."""

from collections.abc import Callable, Mapping
from typing import Any

from jaxcnn.weights.error import WeightsError

WRAPPERS = (
    *("state_dict_ema", "ema_state_dict", "model_ema", "params_ema", "ema"),
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "params"),
)
"""Where training scripts put the weights. Averages come first: published accuracies are theirs."""
PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""
AVERAGED = "n_averaged"
"""The counter that torch's AveragedModel puts beside its names."""
MAX_DEPTH = 8


def state_dict(content: Any, is_array: Callable[[Any], bool], entry: str | None) -> dict[str, Any]:
    """Return names and arrays of the state dict, without what else the file holds.

    Args:
        content: What was saved: a mapping, perhaps within mappings.
        is_array: Whether a value is an array.
        entry: Keys that lead to the state dict, joined by "/"; None looks for it.

    Returns:
        The arrays by name; values that are none are left out.

    Raises:
        WeightsError: If there are no arrays, or names are no strings.
    """
    found = unwrapped(content, is_array) if entry is None else at_entry(content, entry)
    arrays = {}
    if isinstance(found, Mapping):
        arrays = {name: value for name, value in found.items() if is_array(value)}
    if not arrays:
        where = "" if entry is None else f" under entry={entry!r}"
        raise WeightsError(f"holds no arrays{where}, but {described(content)}; {advice(content)}")
    if not all(isinstance(name, str) for name in arrays):
        raise WeightsError("names arrays by something that is no text; save a state dict")
    return without_prefixes(arrays)


def unwrapped(content: Any, is_array: Callable[[Any], bool]) -> Any:
    """Return the innermost mapping that the usual keys lead to."""
    for _ in range(MAX_DEPTH):
        inner = [content[key] for key in WRAPPERS if is_mapping(content) and key in content]
        inner = [value for value in inner if is_mapping(value) and value]
        if not inner:
            break
        content = inner[0]
    return content


def at_entry(content: Any, entry: str) -> Any:
    """Return what the keys lead to."""
    for key in entry.split("/"):
        if not is_mapping(content) or key not in content:
            raise WeightsError(f"has no entry {entry!r}, but {described(content)}")
        content = content[key]
    return content


def without_prefixes(arrays: dict[str, Any]) -> dict[str, Any]:
    """Return the arrays without a prefix that all names bear."""
    for _ in range(MAX_DEPTH):
        names = arrays.keys() - {AVERAGED}
        common = [prefix for prefix in PREFIXES if all(name.startswith(prefix) for name in names)]
        if not common or not names:
            break
        arrays = {name.removeprefix(common[0]): arrays[name] for name in arrays if name in names}
    return arrays


def is_mapping(value: Any) -> bool:
    """Whether a value has keys."""
    return isinstance(value, Mapping)


def described(content: Any) -> str:
    """Return what there is instead of the weights, in a few words."""
    if not is_mapping(content):
        return f"a value of kind {getattr(content, 'name', type(content).__name__)!r}"
    keys = [repr(key)[:40] for key, _ in zip(content, range(10), strict=False)]
    return f"entries {', '.join(keys) or 'none'}{', ...' if len(content) > 10 else ''}"


def advice(content: Any) -> str:
    """Return what to do where no weights were found."""
    if is_mapping(content):
        return "give the one that holds the weights as entry='...'"
    return "save model.state_dict() instead of the model"
