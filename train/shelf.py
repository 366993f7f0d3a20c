"""Sealed folders, one a step: written beside, renamed when they are whole, verified when read."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from train import manifest
from train.log import say
from train.manifest import Damaged, Facts

DRAFT, ASIDE = ".partial", ".damaged"


@dataclass(frozen=True)
class Shelf:
    """The checkpoints of one kind, `FOLDER/STEP`."""

    folder: Path

    def steps(self) -> list[int]:
        """Return the steps that lie here, oldest first, whether intact or not."""
        return sorted(int(path.name) for path in self.folder.glob("*") if path.name.isdigit())

    def put(self, step: int, write: Callable[[Path], None], facts: Facts) -> None:
        """Add a folder that `write` fills; it lies here whole and on the disk, or not at all."""
        draft = self.folder / f"{step}{DRAFT}"
        self.clean()
        try:
            draft.mkdir(parents=True)
            write(draft)
            manifest.seal(draft, {"step": step, **facts})
            os.replace(draft, self.folder / str(step))
            manifest.sync_folder(self.folder)
        except BaseException:
            _discard(draft)  # A part would keep a full disk full.
            raise

    def verify(self, step: int) -> Facts:
        """Return the facts of one step; raise `Damaged` if it is not as it was written."""
        facts = manifest.verify(self.folder / str(step))
        if facts["step"] != step:
            raise Damaged(f"it is step {facts['step']}")
        return facts

    def intact(self, step: int) -> Facts | None:
        """Return the facts of one step; name a damaged one, move it aside and return None."""
        try:
            return self.verify(step)
        except Damaged as damage:
            place = self._set_aside(step)
            say(f"warning: checkpoint {step} is damaged ({damage}) and not used; it is now {place}")
            return None

    def newest(self) -> tuple[int, Facts] | None:
        """Return the newest step that is intact, and its facts; damaged ones are moved aside."""
        for step in reversed(self.steps()):
            facts = self.intact(step)
            if facts is not None:
                return step, facts
        return None

    def remove(self, step: int) -> None:
        """Remove one step, the name first, so that a kill leaves no half of it."""
        draft = self.folder / f"{step}{DRAFT}"
        _discard(draft)
        with contextlib.suppress(FileNotFoundError):
            os.replace(self.folder / str(step), draft)
        _discard(draft)

    def clean(self) -> None:
        """Remove what a killed process has left half written."""
        for path in self.folder.glob(f"*{DRAFT}"):
            _discard(path)

    def _set_aside(self, step: int) -> Path:
        place = self.folder / f"{step}{ASIDE}"
        shutil.rmtree(place, ignore_errors=True)
        os.replace(self.folder / str(step), place)
        return place


def _discard(folder: Path) -> None:
    """Remove a folder, in which threads of a write that has failed may still be writing."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
