"""Files that must be refused: what each is, its bytes, and a part of the message."""

from collections.abc import Callable

from tests.weights.assemble import PROTOCOL, pth, state
from tests.weights.hostile.files import ARCHIVES, OTHERS
from tests.weights.hostile.pickles import CALLS, LENGTHS, STACK, TENSORS


def hostile() -> dict[str, tuple[bytes, str]]:
    """Return the bytes of every hostile file, and a part of the message, by what it is."""
    files: dict[str, tuple[bytes, str]] = {}
    wrapped: dict[str, tuple[dict, Callable[[bytes], bytes]]] = {
        "call": (CALLS, pth),
        "stack": (STACK, pth),
        "length": (LENGTHS, lambda code: pth(PROTOCOL + code)),
        "tensor": (TENSORS, lambda value: pth(state(value))),
        "archive": (ARCHIVES, bytes),
        "other": (OTHERS, bytes),
    }
    for group, (table, wrap) in wrapped.items():
        files |= {f"{group}: {name}": (wrap(data), part) for name, (data, part) in table.items()}
    return files
