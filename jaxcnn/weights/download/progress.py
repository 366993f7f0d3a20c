"""How far a download is, on one line of the terminal."""

import sys
import time

INTERVAL = 0.2


class Progress:
    """Shows bytes and speed on stderr: where it is a terminal, or always, or never.

    >>> Progress("resnet18-f37072fd.pth", show=False)(10, 100)
    """

    def __init__(self, file: str, show: bool | None = None):
        self.file = file
        self.show = sys.stderr.isatty() if show is None else show
        self.began = self.shown = time.monotonic()
        self.first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        """Tell of `done` bytes of `total`."""
        now = time.monotonic()
        self.first = done if self.first is None else self.first
        if not self.show or (now - self.shown < INTERVAL and done < total):
            return
        self.shown = now
        speed = (done - self.first) / max(now - self.began, 1e-9)
        text = f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB ({done / total:.0%}), "
        print(f"\r{self.file}: {text}{speed / 1e6:.1f} MB/s ", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the line."""
        if self.show and self.first is not None:
            print(file=sys.stderr)
