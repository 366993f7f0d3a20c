"""What `Signals` leaves behind."""

import os
import signal
import time

import pytest

from train.signals import EXIT_CODES, Signals


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")
def test_files_and_handlers_are_as_before():
    before = {number: signal.getsignal(number) for number in EXIT_CODES}
    files = len(os.listdir("/proc/self/fd"))
    for _ in range(8):
        with Signals():
            pass
    assert {number: signal.getsignal(number) for number in EXIT_CODES} == before
    for _ in range(200):  # The watching threads end by themselves.
        if len(os.listdir("/proc/self/fd")) <= files:
            return
        time.sleep(0.01)
    pytest.fail("files are left open")
