"""Watchdogs of several processes in one, over a dictionary instead of a coordination service."""

import json
import threading
import time

import pytest

from train.errors import RESTART, STALLED
from train.watchdog import VERDICT, Watchdog

# Threads that leave are ended by SystemExit here, where they would end the process.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Service:
    """The key-value store of a job."""

    def __init__(self):
        self.entries: dict[str, str] = {}
        self.hangs = threading.Event()

    def key_value_set(self, key, value, allow_overwrite=False):
        self._wait()
        if key in self.entries and not allow_overwrite:
            raise ValueError("ALREADY_EXISTS")
        self.entries[key] = value

    def key_value_dir_get(self, folder):
        self._wait()
        return [(key, value) for key, value in self.entries.items() if key.startswith(folder)]

    def _wait(self):
        while self.hangs.is_set():
            time.sleep(0.01)


@pytest.fixture
def job(monkeypatch):
    """A service, what makes three watched processes, and how they have ended."""
    service, left, made = Service(), {}, []

    def leave(self, code, text=""):
        if self in made:  # Not of the test before.
            left.setdefault(self._index, (code, text))
        raise SystemExit  # Ends the thread alone.

    monkeypatch.setattr(Watchdog, "leave", leave)

    def three(heartbeat=1.5, patience=60.0):
        dogs = [Watchdog(service, i, 3, heartbeat=heartbeat, patience=patience) for i in range(3)]
        made.extend(dogs)
        return dogs

    yield service, three, left
    service.hangs.clear()
    for dog in made:
        dog.stop()


def wait(left, indices) -> None:
    end = time.monotonic() + 20
    while not indices <= left.keys() and time.monotonic() < end:
        time.sleep(0.01)
    assert indices <= left.keys()


@pytest.mark.slow
def test_who_falls_silent_is_named_by_all(job):
    _, three, left = job
    dogs = three()
    for dog in dogs:
        dog.start()
    dogs[2].mark("in step 7")
    time.sleep(0.5)
    dogs[2].stop()
    wait(left, {0, 1})
    for index in (0, 1):
        code, text = left[index]
        assert code == RESTART
        assert "process 2 of 3 has died: no sign of life" in text
        assert "last seen in step 7" in text
        assert "Start all processes again" in text


@pytest.mark.slow
def test_who_is_behind_is_named_when_nobody_moves(job):
    _, three, left = job
    dogs = three(heartbeat=10.0, patience=1.5)
    for dog in dogs:
        dog.start()
    for dog, marks in zip(dogs, (3, 2, 3), strict=True):
        for step in range(marks):
            dog.mark(f"waiting for the data of step {step}")
    wait(left, {0, 1, 2})
    code, text = left[0]
    assert code == STALLED
    assert "process 1 of 3 has moved for 1.5 s; it is stuck waiting for the data of step 1" in text


def test_a_standstill_of_all_blames_nobody(job):
    _, three, left = job
    dogs = three(heartbeat=10.0, patience=0.7)
    for dog in dogs:
        dog.start()
    wait(left, {0, 1, 2})
    assert "no process has moved" in left[0][1]


def test_a_verdict_is_followed_by_all_and_the_first_counts(job):
    service, three, left = job
    dogs = three()
    dogs[1].announce("process 1: the disk is full", 75)
    dogs[2].announce("process 2: something else", 70)
    assert json.loads(service.entries[VERDICT])["by"] == 1
    for dog in dogs:
        dog.start()
    wait(left, {0, 1, 2})
    assert left[0] == (75, "process 1: the disk is full (told by process 1)")
    assert left[1] == (75, "process 1: the disk is full")


def test_a_service_that_does_not_answer_is_the_first_processs(job):
    service, three, left = job
    dogs = three()
    for dog in dogs[1:]:
        dog.start()
    dogs[0].start()
    time.sleep(0.2)
    service.hangs.set()
    wait(left, {1, 2})
    assert left[1][0] == RESTART
    assert "process 0, which coordinates the job, has died: no answer" in left[1][1]


@pytest.mark.slow
def test_after_an_alarm_the_roll_is_called(job, monkeypatch):
    monkeypatch.setattr("train.watchdog.ROLL_CALL", 1.0)
    _, three, left = job
    dogs = three(heartbeat=60.0)
    for dog in dogs:
        dog.start()
    time.sleep(0.7)
    assert not left
    dogs[1].stop()
    time.sleep(1.5)
    dogs[0].alarm()
    wait(left, {0})
    assert "process 1 of 3 has died" in left[0][1]
