"""TensorBoard events, written by the calling thread.

tensorboardX's `SummaryWriter` hands events to a thread through a bounded queue; when the disk is
full that thread dies, and the next rows wait for it forever. Its lower level is used instead,
whose errors reach the caller.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog  # pyright: ignore
from tensorboardX.summary import scalar

FLUSH_SECONDS = 5.0


class EventFile:
    """One file of events; each process that writes to a run adds one."""

    def __init__(self, directory: str | Path, resume_step: int = 0):
        """Open a file that hides what earlier ones say of the steps after `resume_step`."""
        Path(directory).mkdir(parents=True, exist_ok=True)
        # The suffix keeps apart two processes that start within one second.
        self._writer = EventsWriter(str(Path(directory) / "events"), f".{time.time_ns() % 10**9}")
        self._flushed = time.monotonic()
        start = SessionLog(status=SessionLog.SessionStatus.START)
        self._writer.write_event(
            Event(step=resume_step + 1, wall_time=time.time(), session_log=start)
        )

    def write(self, row: Mapping[str, Any]) -> None:
        """Write every number of a row as `split/name` at its step."""
        for name, value in row.items():
            if name != "step" and isinstance(value, int | float):
                summary = scalar(f"{row['split']}/{name}", value)
                event = Event(step=row["step"], wall_time=time.time(), summary=summary)
                self._writer.write_event(event)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Bring the events to the disk: milliseconds, hence not after each row."""
        self._flushed = time.monotonic()
        self._writer.flush()

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()
