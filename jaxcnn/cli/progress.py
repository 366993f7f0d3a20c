"""How far a long computation is, on one line of the terminal."""

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator

from jaxcnn.inference import Batch

INTERVAL = 0.2


def shown(found: Iterable[Batch], total: int) -> Iterator[Batch]:
    """Pass batches on, and tell on stderr how many of the images are done, if it is a terminal."""
    if not seen():
        yield from found
        return
    sys.stderr.write("compiling ...")
    sys.stderr.flush()
    done, first, began, last = 0, 0, 0.0, 0.0
    try:
        for batch in found:
            done += len(batch.indices) + len(batch.errors)
            now = time.monotonic()
            if not began:  # the first batch waited for the compiler
                began, first = now, done
            if now - last >= INTERVAL or done == total:
                last = now
                speed = (done - first) / max(now - began, 1e-9)
                rate = f", {speed:,.1f} images/s" if done > first else ""
                sys.stderr.write(f"\r\033[K{done:,} of {total:,} images{rate}")
                sys.stderr.flush()
            yield batch
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


def seen() -> bool:
    """Whether somebody looks."""
    return sys.stderr.isatty()


def tell(text: str) -> None:
    """Show a line that the next one replaces, if stderr is a terminal."""
    if seen():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


@contextlib.contextmanager
def cleared() -> Iterator[None]:
    """Take the line away in the end."""
    try:
        yield
    finally:
        tell("")
