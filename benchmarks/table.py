"""Tables as text, in the form that a README takes."""

from collections.abc import Sequence
from typing import Any


def show(lines: Sequence[Sequence[Any]]) -> None:
    """Print a table in Markdown, the first line its head."""
    head, *body = lines
    for line in (head, ["---"] * len(head), *body):
        print("| " + " | ".join(map(str, line)) + " |", flush=True)
