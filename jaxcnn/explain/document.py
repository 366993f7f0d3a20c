"""What the docstrings of all methods share, written once: arguments, errors, the example."""

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])

ARGUMENTS = {
    "model": "Any Linen module.",
    "variables": "Its variables.",
    "x": "Images (N, H, W, C), floating-point.",
    "target": """A class, classes (N,), `"top1"` (the class of x, whatever is changed in x), a
    function, or a target of `jaxcnn.taps`.""",
    "maps": """What a method made of x for this target, (N, H, W) or (N, H, W, C), whose channels
    are added up.""",
    "at": "The layer with maps A (N, h, w, K), e.g. `stage4`; None for the last there is.",
    "relu": "Keep only what speaks for the target.",
    "upsample": "Bring the maps to the size of the images, bilinear.",
    "baseline": "What stands for absence: a number, or an array that broadcasts to x.",
    "segments": """Parts that are covered as wholes: labels from 0, (H, W) or (N, H, W), as
    `superpixels` returns them, or a number n for n x n rectangles.""",
    "key": "Random key; None for always the same.",
    "chunk": "How many changed copies of the batch are computed at once; bounds the memory.",
    "progress": """Called with the copies done and their number, chunk by chunk; a constant of
    the compiled program, so define it once.""",
}

RAISES = """
  ValueError: If x holds NaN, the target or a number is out of range, a layer is not there, or
    the network has not what the method needs.
  TypeError: If x is not floating-point, or target is none."""

EXAMPLE = """
  >>> import jax, jax.numpy as jnp
  >>> from jaxcnn import create_model, explain
  >>> model, x = create_model("convnet"), jnp.zeros((2, 32, 32, 3))
  >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
  >>> jax.eval_shape(lambda v, x: {call}, variables, x).shape
  {shape}"""

SECTIONS = ("Args", "Returns", "Raises", "Source", "Example")


def documented(shape: str = "", options: str = "") -> Callable[[Method], Method]:
    """Return a decorator that adds to a docstring what it leaves to this file.

    Args:
      shape: Shape of the result in the example; empty where the docstring has its own example.
      options: Further arguments in the example.
    """

    def complete(method: Method) -> Method:
        text = inspect.getdoc(method)
        if text is None:  # python -OO
            return method
        head, *parts = re.split(rf"^({'|'.join(SECTIONS)}):", text, flags=re.MULTILINE)
        found = {name: body.rstrip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
        own = dict(re.findall(r"^  (\w+): ((?:.|\n    )*)", found.get("Args", ""), re.MULTILINE))
        names = inspect.signature(method).parameters
        found["Args"] = "".join(f"\n  {name}: {own.get(name) or ARGUMENTS[name]}" for name in names)
        room = ".".join(method.__module__.split(".")[1:-1])
        call = f"{room}.{method.__name__}(model, v, x, 3{options and f', {options}'})"
        example = {"Example": EXAMPLE.format(call=call, shape=shape)} if shape else {}
        found = {"Raises": RAISES, **example, **found}
        sections = (f"{name}:{found[name]}" for name in SECTIONS if name in found)
        method.__doc__ = head + "\n\n".join(sections)
        return method

    return complete
