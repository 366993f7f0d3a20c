"""What reading with processes needs around it: flags, signals, shared memory."""

import os
import shutil
import signal
import threading
import time
from pathlib import Path

from absl import flags

from train.errors import UserError

SHARED_MEMORY = Path("/dev/shm")


def check_counts(threads: int, prefetch: int, workers: int = 0) -> None:
    """Raise for numbers of threads, processes or batches ahead that mean nothing."""
    for name, value, least in (
        ("threads", threads, 1),
        ("prefetch", prefetch, 1),
        ("workers", workers, 0),
    ):
        if value < least:
            raise UserError(f"data.{name} is {value}; it must be at least {least}")


def prepare_flags() -> None:
    """Let Grain read its absl flags in a program that does not start through `absl.app`."""
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()


def watch_parent(worker: int, workers: int) -> None:
    """Tie a worker's life to its parent's: the parent alone answers signals and ends workers.

    Ctrl-C and schedulers signal the whole process group; a worker that died of it would look
    like a crash while the parent is saving. A parent that was killed leaves no orphans.
    """
    del worker, workers
    prepare_flags()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    parent = os.getppid()

    def leave_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()


def check_shared_memory(needed: int) -> None:
    """Raise if the batches in flight do not fit into shared memory: filling it kills by SIGBUS."""
    if not SHARED_MEMORY.is_dir():
        return
    free = shutil.disk_usage(SHARED_MEMORY).free
    if free < needed:
        raise UserError(
            f"reading with processes needs {needed / 2**20:.0f} MB of shared memory, and "
            f"{SHARED_MEMORY} has {free / 2**20:.0f} MB free; use --data.workers 0 (threads), a "
            "smaller --data.prefetch, or a container with more (docker run --shm-size)"
        )
