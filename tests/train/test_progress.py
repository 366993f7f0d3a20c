import contextlib
import io
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from train.progress import Progress

ROOT = Path(__file__).parents[2]
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
FIGURES = {"loss": 0.25, "accuracy": 0.5, "images_per_second": 12345.0, "stall": 0.02}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def screen(width=100, **options):
    return Console(file=io.StringIO(), width=width, highlight=False, **options)


def shown(console):
    return console.file.getvalue()


def drawn(width, phase="", **figures):
    """Return the live line at a width, without its colours."""
    progress = Progress(200, 50, console=screen(width, force_terminal=True))
    progress.update(60, **figures)
    progress.phase(phase)
    with progress.console.capture() as capture:
        progress.console.print(progress)
    return re.sub(r"\x1b\[[0-9;]*m", "", capture.get())


def test_plain_lines_come_soon_and_then_seldom():
    clock, console = Clock(), screen()
    with Progress(1000, 100, console=console, clock=clock) as progress:
        for step in range(1, 1001):
            clock.now = step * 0.1
            progress.update(step, **FIGURES)
    printed = [int(n) for n in re.findall(r"step ([\d,]+)/", shown(console).replace(",", ""))]
    assert printed == [20, 70, 170, 370, 670, 970, 1000]
    assert "\x1b" not in shown(console)


def test_a_plain_line_holds_every_figure():
    clock = Clock()
    progress = Progress(200, 50, console=screen(), clock=clock)
    progress.update(10)
    clock.now = 5.0
    progress.update(60, **FIGURES)
    assert progress.line() == (
        "epoch 2/4  step 60/200 (30%)  loss 0.2500  accuracy 50.0%  0:14 left  "
        "12,345 images/s  data wait 2%"
    )


def test_time_left_starts_after_the_compilation_and_after_resume():
    clock = Clock()
    progress = Progress(200, 50, first_step=100, console=screen(), clock=clock)
    clock.now = 60.0
    progress.update(101)
    assert "left" not in progress.line()
    clock.now = 61.0
    progress.update(102)
    assert "1:38 left" in progress.line()
    progress.update(200)
    assert "took 1:01" in progress.line()


@pytest.mark.parametrize(
    ("step", "epoch"), [(0, "1/4"), (1, "1/4"), (50, "1/4"), (51, "2/4"), (175, "4/4")]
)
def test_epoch(step, epoch):
    progress = Progress(175, 50, first_step=step, console=screen())
    assert f"epoch {epoch} " in progress.line()


@pytest.mark.parametrize("width", [1, 10, 24, 30, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("phase", ["", "validating 512/1,000"])
def test_live_line_fits_any_width(width, phase):
    lines = drawn(width, phase, **FIGURES).splitlines()
    assert len(lines) == 1
    assert len(lines[0]) <= width


def test_fields_leave_in_order_of_importance():
    seen = [
        [w for w in ("loss", "accuracy", "images/s", "wait") if w in drawn(width, **FIGURES)]
        for width in (30, 45, 65, 80, 110)
    ]
    assert [len(fields) for fields in seen] == [0, 1, 2, 3, 4]


def test_phase_is_shown_instead_of_the_figures():
    text = drawn(80, "compiling the step", **FIGURES)
    assert "compiling the step" in text
    assert "loss" not in text


def test_without_a_terminal_only_compiling_is_announced():
    console = screen()
    progress = Progress(10, 5, console=console)
    for text in ("compiling the step", "compiling the step", "validating 1/2", "validating 2/2"):
        progress.phase(text)
    assert shown(console) == "compiling the step ...\n"


def test_messages_are_text_not_markup():
    console = screen()
    Progress(10, 5, console=console).message("saved [bold]runs/x[/bold] in 0.1 s")
    assert shown(console) == "saved [bold]runs/x[/bold] in 0.1 s\n"


def test_messages_stand_above_the_bar():
    console = screen(force_terminal=True)
    with Progress(10, 5, console=console) as progress:
        progress.message("saved")
        progress.update(10, loss=0.5)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown(console))
    assert text.index("saved") < text.index("loss 0.5000")


def test_cursor_is_visible_while_it_runs_and_after_an_error():
    console = screen(force_terminal=True)
    with contextlib.suppress(KeyboardInterrupt), Progress(10, 5, console=console):
        assert shown(console).rfind(SHOW) > shown(console).rfind(HIDE)
        raise KeyboardInterrupt
    assert shown(console).rfind(SHOW) > shown(console).rfind(HIDE)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color(monkeypatch, no_color):
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm-256color")
    console = screen(force_terminal=True)
    progress = Progress(10, 5, console=console)
    progress.update(5, **FIGURES)
    console.print(progress)
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", shown(console))) == (no_color == "")


def test_disabled_prints_nothing(capsys):
    with Progress(10, 5, enabled=False) as progress:
        progress.message("hello")
        progress.update(10)
    assert capsys.readouterr() == ("", "")


ENDLESS = """
import time
from train.progress import Progress
with Progress(10, 5) as progress:
    progress.phase("compiling")
    time.sleep(60)
"""


def test_kill_leaves_a_usable_terminal():
    """No code of ours runs at `kill -9`: what was written before must be enough."""
    leader, follower = pty.openpty()
    env = os.environ | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen([sys.executable, "-c", ENDLESS], env=env, stderr=follower)
    os.close(follower)
    text, end = "", time.monotonic() + 20
    while "compiling" not in text and time.monotonic() < end:
        text += os.read(leader, 4096).decode(errors="ignore")
    run.send_signal(signal.SIGKILL)
    run.wait()
    os.close(leader)
    assert "compiling" in text
    assert text.rfind(SHOW) > text.rfind(HIDE) >= 0
