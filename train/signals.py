"""SIGTERM and Ctrl-C: finish the step, save, leave; with nothing to save, leave at once."""

import os
import signal
import sys
import threading
from collections.abc import Callable

from train.errors import INTERRUPTED, PREEMPTED

EXIT_CODES = {signal.SIGTERM: PREEMPTED, signal.SIGINT: INTERRUPTED}


class Signals:
    """A context in which a signal asks the loop to stop instead of ending the process.

    While `unsaved` is False (loading, compiling, writing the report) there is nothing to
    save: a thread then ends the process at once, although the main thread may be deep inside
    a compilation, where Python runs no handler. A second signal always ends it at once.
    """

    def __init__(self, leaving: Callable[[str, int], None] = lambda text, code: None):
        """`leaving` is told the text and the exit code when the process ends at once."""
        self.unsaved, self._leaving = False, leaving
        self.received: signal.Signals | None = None

    def __enter__(self):
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._old_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._old = {s: signal.signal(s, lambda *_: None) for s in EXIT_CODES}
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_):
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_fd)
        os.close(self._write)

    def _watch(self) -> None:
        while received := os.read(self._read, 1):
            number = signal.Signals(received[0])
            if number not in EXIT_CODES:
                continue
            if self.received or not self.unsaved:
                why = "nothing to save" if not self.received else "second signal"
                self._leave(number, f"{number.name}: {why}, leaving at once")
            self.received = number
        os.close(self._read)

    def _leave(self, number: signal.Signals, text: str) -> None:
        sys.stderr.write(f"\n{text}\n")
        sys.stderr.flush()
        self._leaving(text, EXIT_CODES[number])
        os._exit(EXIT_CODES[number])
