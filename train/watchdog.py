"""The thread that notices when another process of the job has died or is stuck.

JAX's coordination service carries a sign of life from every process; the runtime's own heartbeat
is set longer, because it ends a process by an abort that names nobody. Nothing here waits without
a limit, and whoever finds out first leaves a verdict that all others read and follow.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from train.errors import RESTART, STALLED

ROOT = "jaxcnn/"
VERDICT = ROOT + "verdict"
ROLL_CALL = 2.5
"""Seconds within which the living answer after a collective operation has failed."""
AGAIN = "Start all processes again: they go on from the last checkpoint"
PARTING = 3.0
"""Seconds that the coordinator waits for the others to read why the job ends."""


@dataclass(frozen=True)
class Sign:
    """What a process last said, and when it was heard here."""

    text: str = ""
    marks: int = 0
    phase: str = "starting"
    heard: float = 0.0
    moved: float = 0.0


class Watchdog:
    """Sends signs of life of this process and judges those of the others."""

    def __init__(self, client: Any, index: int, count: int, *, heartbeat: float, patience: float):
        """Watch a job.

        Args:
            client: The coordination service's, of `jax.distributed`.
            index: Number of this process; 0 holds the service.
            count: Number of processes.
            heartbeat: Seconds of silence after which a process counts as dead.
            patience: Seconds without progress of any process after which the job counts as stuck.
        """
        self._client, self._index, self._count = client, index, count
        self._heartbeat, self._patience = heartbeat, patience
        self._interval = min(0.5, heartbeat / 8)
        self._alarm = False
        self._marks, self._phase = 0, "starting"
        now = time.monotonic()
        self._answered = now
        self._signs = {i: Sign(heard=now, moved=now) for i in range(count)}
        self._stop, self._threads = threading.Event(), list[threading.Thread]()
        self._lock, self._leaving = threading.Lock(), threading.Lock()

    def start(self) -> None:
        """Begin to watch."""
        self._threads = [
            threading.Thread(target=f, daemon=True) for f in (self._speak, self._judge)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stop.set()
        for thread in self._threads:
            thread.join(4 * self._interval)

    def mark(self, phase: str) -> None:
        """Note progress; all processes make the same marks in the same order."""
        self._marks, self._phase = self._marks + 1, phase

    def alarm(self) -> None:
        """A collective operation has failed: whoever does not answer soon is the reason."""
        self._alarm = True

    def announce(self, text: str, code: int) -> None:
        """Tell the other processes why this one leaves; the first to say something is heard."""
        verdict = {"text": text, "code": code, "by": self._index}
        try:
            self._client.key_value_set(VERDICT, json.dumps(verdict))
        except Exception:  # Somebody was first, or nobody is left to tell.
            return

    def leave(self, code: int, text: str = "") -> NoReturn:
        """End this process at once: an orderly exit would wait for those who do not answer."""
        if not self._leaving.acquire(blocking=False):
            threading.Event().wait()  # Another thread is at it, and will end this one.
        if text:
            sys.stderr.write(f"\nerror: {text}\n" if code < 128 else f"\n{text}\n")
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if self._index == 0:
            self._part()
        else:
            self._say(ROOT + f"gone/{self._index}", "1")
        os._exit(code)

    def _part(self) -> None:
        """Hold the service until the others have read the verdict."""
        end = time.monotonic() + PARTING
        while time.monotonic() < end:
            gone = {key for key in self._all() if key.startswith(ROOT + "gone/")}
            if len(gone) >= self._count - 1 - len(self._silent(ROLL_CALL)):
                return
            time.sleep(0.05)

    def _speak(self) -> None:
        """Exchange signs of life; the calls may hang when the service does."""
        beat = 0
        while not self._stop.is_set():
            beat += 1
            sign = {"beat": beat, "marks": self._marks, "phase": self._phase}
            try:
                self._client.key_value_set(
                    f"{ROOT}sign/{self._index}", json.dumps(sign), allow_overwrite=True
                )
                self._hear(dict(self._client.key_value_dir_get(ROOT)))
            except Exception:
                if not self._stop.is_set():
                    self.leave(RESTART, coordinator_gone("its connection broke"))
            self._stop.wait(self._interval)

    def _hear(self, entries: Mapping[str, str]) -> None:
        now = self._answered = time.monotonic()
        if VERDICT in entries:
            self._follow(json.loads(entries[VERDICT]))
        with self._lock:
            for index, old in self._signs.items():
                text = entries.get(f"{ROOT}sign/{index}", "")
                if text and text != old.text:
                    said = json.loads(text)
                    moved = now if said["marks"] != old.marks else old.moved
                    self._signs[index] = Sign(text, said["marks"], said["phase"], now, moved)

    def _follow(self, verdict: Mapping[str, Any]) -> NoReturn:
        by = verdict["by"]
        told = verdict["text"] if by == self._index else f"{verdict['text']} (told by process {by})"
        self.leave(verdict["code"], told)

    def _judge(self) -> None:
        """Look for silence and standstill; this thread never calls anything that may hang."""
        before = time.monotonic()
        while not self._stop.wait(self._interval):
            now = time.monotonic()
            if now - before > self._heartbeat / 2:
                self._slept(now)  # This process itself was frozen: what it knows is old.
            before = now
            if now - self._answered > self._heartbeat:
                self.leave(RESTART, coordinator_gone(f"no answer for {self._heartbeat:g} s"))
            dead = self._silent(ROLL_CALL if self._alarm else self._heartbeat)
            if dead:
                self._condemn(self._describe(dead, "has died", "no sign of life"), RESTART)
            elif now - max(sign.moved for sign in self._signs.values()) > self._patience:
                self._condemn(self._standstill(), STALLED)

    def _slept(self, now: float) -> None:
        with self._lock:
            self._answered = now
            self._signs = {
                i: Sign(s.text, s.marks, s.phase, now, now) for i, s in self._signs.items()
            }

    def _silent(self, limit: float) -> list[int]:
        now = time.monotonic()
        others = ((now - s.heard, i) for i, s in self._signs.items() if i != self._index)
        return [index for silence, index in sorted(others, reverse=True) if silence > limit]

    def _condemn(self, text: str, code: int) -> None:
        threading.Thread(target=self.announce, args=(text, code), daemon=True).start()
        # The call may hang; the others come to the same end.
        if not self._stop.wait(self._interval):
            self.leave(code, text)

    def _describe(self, indices: list[int], what: str, why: str) -> str:
        index, now = indices[0], time.monotonic()
        sign = self._signs[index]
        others = f" (and {', '.join(map(str, indices[1:]))})" if indices[1:] else ""
        return (
            f"process {index} of {self._count}{others} {what}: {why} for {now - sign.heard:.1f} s, "
            f"last seen {sign.phase}. {AGAIN}"
        )

    def _standstill(self) -> str:
        """Name the process that is behind: the others wait for it in their next collective."""
        least = min(sign.marks for sign in self._signs.values())
        behind = [i for i, sign in self._signs.items() if sign.marks == least]
        if len(behind) == self._count:
            who, phase = "no process", self._signs[behind[0]].phase
        else:
            who = f"process {', '.join(map(str, behind))} of {self._count}"
            phase = self._signs[behind[0]].phase
        return f"{who} has moved for {self._patience:g} s; it is stuck {phase}. {AGAIN}"

    def _all(self) -> dict[str, str]:
        try:
            return dict(self._client.key_value_dir_get(ROOT))
        except Exception:
            return {}

    def _say(self, key: str, value: str) -> None:
        say = threading.Thread(
            target=lambda: self._client.key_value_set(key, value, allow_overwrite=True), daemon=True
        )
        say.start()
        say.join(self._interval)


def coordinator_gone(why: str) -> str:
    """Return what to say when the process that coordinates does not answer."""
    return f"process 0, which coordinates the job, has died: {why}. {AGAIN}"
