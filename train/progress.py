"""What a person sees while a network trains: one live line, or plain lines without a terminal."""

import math
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

PLAIN_SECONDS = (2.0, 5.0, 10.0, 20.0, 30.0)
"""Waits between plain lines: soon a sign of life, later few enough for a log file."""

LIVE_HERTZ = 5
MIN_BAR, MAX_BAR = 8, 40


class Progress:
    """The progress of one run, a context manager.

    On a terminal it is a line that moves; elsewhere (a pipe, CI, `TERM=dumb`) it is a plain line
    every few seconds. `NO_COLOR`, `COLUMNS` and the width of the terminal are honoured.
    """

    def __init__(
        self,
        total_steps: int,
        steps_per_epoch: int,
        *,
        first_step: int = 0,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        enabled: bool = True,
    ):
        """Describe the run.

        Args:
            total_steps: Steps of the whole run.
            steps_per_epoch: Steps of one epoch.
            first_step: Steps already done by an earlier process.
            console: Where to show it; None takes the standard error stream.
            clock: Returns seconds.
            enabled: False shows nothing, on all processes but the first.
        """
        self.console = console or Console(stderr=True, quiet=not enabled, highlight=False)
        self._total, self._per_epoch = max(total_steps, 1), max(steps_per_epoch, 1)
        self._step = self._timed_step = first_step
        self._clock, self._began, self._timed = clock, clock(), math.nan
        self._phase, self._values = "", dict[str, float]()
        self._waits, self._next_line = list(PLAIN_SECONDS[1:]), self._began + PLAIN_SECONDS[0]
        self._spinner = Spinner("dots")
        self._live = None
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(self, console=self.console, refresh_per_second=LIVE_HERTZ)

    def update(
        self,
        step: int,
        *,
        loss: float | None = None,
        accuracy: float | None = None,
        images_per_second: float | None = None,
        stall: float | None = None,
    ) -> None:
        """Show that `step` steps are done; what is not given stays as it was.

        Cheap enough for every step: drawing is left to another thread, printing to the clock.

        Args:
            step: Steps done so far.
            loss: Of the last steps.
            accuracy: Share in [0, 1].
            images_per_second: Training images a second.
            stall: Share of the time spent waiting for data, in [0, 1].
        """
        given = {"loss": loss, "accuracy": accuracy, "rate": images_per_second, "stall": stall}
        self._values.update({name: float(v) for name, v in given.items() if v is not None})
        if math.isnan(self._timed):
            # The first steps wait for the compiler, so the time that is left is judged from here.
            self._timed, self._timed_step = self._clock(), step
        self._step, self._phase = step, ""
        if self._live is None and self._clock() >= self._next_line:
            self._print_line()

    def phase(self, text: str) -> None:
        """Say what goes on instead of training steps: "compiling", "validating 512/1,000"."""
        changed = text.split(" ")[0] != self._phase.split(" ")[0]
        self._phase = text
        if self._live is None and changed and text.startswith("compiling"):
            self.message(f"{text} ...")

    def message(self, text: str) -> None:
        """Print a line above the bar, where it stays."""
        self.console.print(Text(text), soft_wrap=True)

    def line(self) -> str:
        """Return the state as one plain line."""
        percent = f"({self._step / self._total:.0%})"
        head = f"epoch {self._epoch()}  step {self._step:,}/{self._total:,} {percent}"
        return "  ".join([head, *(text for text, _ in self._fields())])

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start(refresh=True)
            # Live hides the cursor, and a process killed with -9 could not bring it back.
            self.console.show_cursor(True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._phase = ""
        if self._live:
            self._live.stop()
        elif kind is None:
            self._print_line()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the line, dropping the least important fields when the terminal is narrow."""
        room = options.max_width - 1
        head = Text(f"epoch {self._epoch()} ", style="bold")
        tail = Text(f" {self._step:,}/{self._total:,}")
        fields = [Text(text, style) for text, style in self._fields()]
        least = MIN_BAR
        if self._phase:
            fields, least = [Text(self._phase, "italic")], 0
        while fields and room < head.cell_len + least + tail.cell_len + _width(fields):
            fields.pop()
        space = room - head.cell_len - tail.cell_len - _width(fields)
        row = [head, *self._bar(min(space, MAX_BAR)), tail, *(_apart(text) for text in fields)]
        table = Table.grid()
        for _ in row:
            table.add_column(no_wrap=True, overflow="crop")
        table.add_row(*row)
        yield table

    def _bar(self, width: int) -> list[ProgressBar | Spinner | Text]:
        """Return a bar, after a spinner while something else than steps goes on."""
        spinner = [self._spinner, Text(" ")] if self._phase and width >= 2 else []
        width -= len(spinner)
        bar = [ProgressBar(self._total, self._step, width=width)] if width >= 4 else []
        return [*spinner, *bar]

    def _fields(self) -> list[tuple[str, str]]:
        """Return the figures that are known and their styles, the most important first."""
        known, fields = self._values, []
        if "loss" in known:
            fields.append((f"loss {known['loss']:.4f}", "magenta"))
        if "accuracy" in known:
            fields.append((f"accuracy {known['accuracy']:.1%}", "green"))
        if self._step >= self._total:
            fields.append((f"took {duration(self._clock() - self._began)}", "cyan"))
        elif not math.isnan(left := self._seconds_left()):
            fields.append((f"{duration(left)} left", "cyan"))
        if "rate" in known:
            fields.append((f"{known['rate']:,.0f} images/s", "blue"))
        if "stall" in known:
            fields.append((f"data wait {known['stall']:.0%}", "dim"))
        return fields

    def _epoch(self) -> str:
        """Return the running epoch, counted from 1, of all."""
        epochs = math.ceil(self._total / self._per_epoch)
        return f"{max(math.ceil(self._step / self._per_epoch), 1)}/{epochs}"

    def _seconds_left(self) -> float:
        """Judge by all steps since the first, with what evaluations and checkpoints took."""
        done = self._step - self._timed_step
        if done <= 0:
            return math.nan
        return (self._clock() - self._timed) / done * max(self._total - self._step, 0)

    def _print_line(self) -> None:
        wait = self._waits.pop(0) if len(self._waits) > 1 else self._waits[0]
        self._next_line = self._clock() + wait
        self.message(self.line())


def duration(seconds: float) -> str:
    """Write a time span for people.

    >>> duration(7), duration(754), duration(3 * 3600 + 62), duration(90061)
    ('0:07', '12:34', '3:01:02', '25:01:01')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _apart(text: Text) -> Text:
    return Text("  ").append_text(text)


def _width(fields: list[Text]) -> int:
    return sum(text.cell_len + 2 for text in fields)
