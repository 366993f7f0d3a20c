"""The methods by name: which there are, whose they are, and with what options they run here."""

import difflib
import functools
import inspect
import json
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

from jaxcnn import explain

ARGUMENTS = ("model", "variables", "x", "target")
ALIASES = {
    "ablation": "feature_ablation",
    "blur_ig": "blur_integrated_gradients",
    "cam": "grad_cam",
    "deconv": "deconvnet",
    "gbp": "guided_backprop",
    "grad": "saliency",
    "gradcam": "grad_cam",
    "gradcam++": "grad_cam_pp",
    "grad_cam++": "grad_cam_pp",
    "gradient": "saliency",
    "guided": "guided_backprop",
    "gxi": "gradient_x_input",
    "ig": "integrated_gradients",
    "sg": "smooth_grad",
    "shap": "kernel_shap",
}
SUPERPIXELS = "superpixels"
"""What `lime.segments` and others may be besides a number."""
DEFAULT = ("grad_cam", "integrated_gradients", "occlusion")


class Method(NamedTuple):
    """A method, with its source as its documentation gives it.

    >>> methods()["grad_cam"].paper
    'Selvaraju et al. 2017'
    """

    name: str
    function: Callable[..., Any]
    source: str

    @property
    def paper(self) -> str:
        """Authors and year."""
        found = re.match(r".*?\d{4}", self.source)
        return found[0] if found else self.source

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """What it can be told."""
        parameters = inspect.signature(self.function).parameters
        return {name: p for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}


@functools.cache
def methods() -> dict[str, Method]:
    """Return all methods of the library: public functions that take what all of them take."""
    found = {}
    for name, function in inspect.getmembers(explain, inspect.isfunction):
        parameters = inspect.signature(function).parameters.values()
        needed = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        if tuple(needed) == ARGUMENTS:
            found[name] = Method(name, function, source_of(function))
    return found


def source_of(function: Callable[..., Any]) -> str:
    """Return where a method comes from, the line `Source:` of its documentation."""
    text = re.search(r"\bSource: (.+?)(\n\s*\n|\Z)", inspect.getdoc(function) or "", re.DOTALL)
    return " ".join(text[1].split()) if text else ""


def chosen(names: str) -> list[Method]:
    """Return the methods that a list such as `grad_cam,ig` means; `all` means all.

    >>> [method.name for method in chosen("grad_cam,ig")]
    ['grad_cam', 'integrated_gradients']
    """
    known = methods()
    if names.strip() == "all":
        return list(known.values())
    words = [word.strip().lower().replace("-", "_") for word in names.split(",") if word.strip()]
    full = list(dict.fromkeys(ALIASES.get(word, word) for word in words))
    wrong = [word for word in full if word not in known]
    if wrong or not full:
        raise ValueError(
            f"--method {names}: {'; '.join(map(unknown, wrong)) or 'names no method'}. "
            f"Fix: use all, or some of {', '.join(known)}"
        )
    return [known[name] for name in full]


def unknown(word: str) -> str:
    """Return what is said of a name that is no method's, with the nearest ones that are."""
    near = difflib.get_close_matches(word, [*methods(), *ALIASES], n=3, cutoff=0.5)
    nearest = dict.fromkeys(ALIASES.get(name, name) for name in near)
    return f"{word!r} is no method" + (f" (nearest: {', '.join(nearest)})" if near else "")


def with_options(
    given: Sequence[str], wanted: Sequence[Method], at: str | None, side: int
) -> dict[str, dict[str, Any]]:
    """Return the options of each method: those given, the layer, and what suits the image's size.

    Args:
        given: Words such as `occlusion.window=32`; values are JSON.
        wanted: The methods.
        at: The layer, for methods that look at one.
        side: Pixels of the shorter side of the images.

    Raises:
        ValueError: If an option or its method is not there, or a value is no JSON.
    """
    told: dict[str, dict[str, Any]] = {method.name: {} for method in wanted}
    by_name = {method.name: method for method in wanted}
    for word in given:
        place, equals, value = word.partition("=")
        name, _, option = place.partition(".")
        name = ALIASES.get(name, name)
        if not equals or name not in by_name or option not in by_name[name].options:
            known = [f"{m.name}.{o}" for m in wanted for o in m.options]
            near = difflib.get_close_matches(f"{name}.{option}", known, n=2, cutoff=0.5)
            nearest = f" (nearest: {', '.join(near)})" if near else ""
            raise ValueError(
                f"--options {word}: is no METHOD.OPTION=VALUE of the methods that run{nearest}. "
                f"Fix: use one of {', '.join(known)}"
            )
        told[name][option] = parsed(word, value)
        if told[name][option] == SUPERPIXELS and find_spec("skimage") is None:
            raise ModuleNotFoundError(f"{word} needs scikit-image", name="skimage")
    for name, options in told.items():
        if at is not None and "at" in by_name[name].options:
            options.setdefault("at", at)
        if name == "occlusion" and "window" not in options:
            # Large enough to hide a part of an object, and 169 of them whatever the size.
            options |= {"window": max(1, side // 4), "stride": max(1, side // 16), **options}
    return told


def parsed(word: str, value: str) -> Any:
    """Return the value of an option."""
    try:
        found = json.loads(value)
    except ValueError:
        found = value if value.isidentifier() else None
    if found is None and value != "null":
        raise ValueError(f"--options {word}: {value!r} is no JSON. Fix: use e.g. 32, 0.5 or [8,8]")
    return tuple(found) if isinstance(found, list) else found
