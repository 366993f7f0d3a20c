"""Types of fields that carry more than a number: lengths of training with units, stages, JSON."""

import json
from typing import Annotated, Any

import tyro

from train.errors import UserError

UNITS = ("epochs", "steps", "examples")

Duration = Annotated[str, tyro.conf.arg(metavar="'N epochs|steps|examples'")]
"""A length of training that carries its unit: `'30 epochs'`, `'500 steps'`, `'100000 examples'`."""

Fields = Annotated[
    dict[str, Any],
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="JSON",
        instance_from_str=lambda args: json.loads(args[0]),
        is_instance=lambda value: isinstance(value, dict),
        str_from_instance=lambda value: [json.dumps(value)],
    ),
]
"""Further fields of a model, on the command line as JSON: `'{"width": 32}'`."""


def parse_duration(text: str) -> tuple[float, str]:
    """Split a duration into its amount and its unit.

    >>> parse_duration("30 epochs"), parse_duration("500steps")
    ((30.0, 'epochs'), (500.0, 'steps'))
    """
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz").strip()
    unit = text[len(text.rstrip("abcdefghijklmnopqrstuvwxyz")) :]
    try:
        amount = float(number)
    except ValueError:
        amount = float("nan")
    if unit not in UNITS or not 0 <= amount < float("inf"):
        raise UserError(
            f"duration {text!r} is not a number >= 0 with a unit; write for example "
            "'30 epochs', '500 steps' or '100000 examples'"
        )
    return amount, unit


def parse_stage(text: str) -> tuple[str, tuple[str, ...]]:
    """Split a stage of gradual unfreezing into its beginning and its patterns.

    >>> parse_stage("2 epochs: stage3 stage4")
    ('2 epochs', ('stage3', 'stage4'))
    """
    start, colon, patterns = text.partition(":")
    parse_duration(start)
    if not colon or not patterns.split():
        raise UserError(f"stage {text!r} names no parameters; write for example '2 epochs: stage4'")
    return start, tuple(patterns.split())


def parse_size(text: str) -> tuple[str, int]:
    """Split a size of progressive resizing into its beginning and its pixels.

    >>> parse_size("6 epochs: 160")
    ('6 epochs', 160)
    """
    start, _, pixels = text.partition(":")
    parse_duration(start)
    if not pixels.strip().isdecimal() or int(pixels) < 1:
        raise UserError(f"size {text!r} names no pixels; write for example '6 epochs: 160'")
    return start, int(pixels)


def to_steps(duration: str, steps_per_epoch: int, batch_size: int) -> int:
    """Turn a duration into optimizer steps, rounded to the nearest; done nowhere else.

    >>> to_steps("2 epochs", 10, 64), to_steps("640 examples", 10, 64)
    (20, 10)
    """
    amount, unit = parse_duration(duration)
    per_unit = {"epochs": steps_per_epoch, "steps": 1, "examples": 1 / batch_size}[unit]
    return round(amount * per_unit)
