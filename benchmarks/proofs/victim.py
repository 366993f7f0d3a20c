"""A run that sends itself a signal at a chosen moment of a chosen phase."""

import functools
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from train import __main__, run, shelf
from train.loop import Loop
from train.progress import Progress

PHASES: dict[str, tuple[Any, str]] = {
    "data": (run, "prepare"),
    "compile": (Progress, "phase"),
    "train": (Loop, "_account"),
    "eval": (Loop, "_evaluate"),
    "save": (shelf.Shelf, "put"),
    "finish": (run, "finish"),
}
"""Where each phase begins, as it is called."""


STUCK = "stuck"
"""Instead of a signal: the process lives, and does not go on."""


def die(delay: float, number: signal.Signals, file: Path, ended: threading.Event) -> None:
    """Wait, tell whether the phase is still going on, and send the signal to this process."""
    time.sleep(delay)
    file.write_text("after" if ended.is_set() else "within")
    os.kill(os.getpid(), number)


def arm(phase: str, call: int, begin: Callable[[threading.Event], None]) -> None:
    """Call `begin` at the `call`-th beginning of the phase, with an event that tells of its end."""
    owner, name = PHASES[phase]
    original, count = getattr(owner, name), [0]

    @functools.wraps(original)
    def counted(*args: Any, **options: Any) -> Any:
        count[0] += 1
        if count[0] != call:
            return original(*args, **options)
        ended = threading.Event()
        begin(ended)
        result = original(*args, **options)
        if phase != "compile":  # The program is compiled by the first step, after this call.
            ended.set()
        return result

    setattr(owner, name, counted)


def victim(
    phase: str, call: int, delay: float, number: signal.Signals | str, file: Path, *arguments: str
) -> int:
    """Train as `python -m train ARGUMENTS` does, and strike after a beginning of the phase.

    Args:
        phase: A key of PHASES.
        call: Which of its beginnings, from 1.
        delay: Seconds from then to the signal.
        number: The signal, or STUCK.
        file: Tells afterwards whether the phase was still going on: "within" or "after".
        arguments: Of the command line.
    """

    def begin(ended: threading.Event) -> None:
        if not isinstance(number, signal.Signals):
            file.write_text("within")
            time.sleep(3600)
        args = (delay, signal.Signals(number), file, ended)
        threading.Thread(target=die, args=args, daemon=True).start()

    arm(phase, call, begin)
    return __main__.main(arguments)
