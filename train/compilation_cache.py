"""Programs that were compiled are kept, so that the next run of the same one starts at once."""

import hashlib
import os
import time
from pathlib import Path

import jax

from jaxcnn.weights.download.cache import cache_folder

VARIABLE = "JAXCNN_COMPILATION_CACHE"
OFF = ("off", "0", "no", "false")
KEPT_S = 30 * 24 * 3600
"""Programs that were written longer ago are removed: their versions and shapes are of the past."""


def keep_programs() -> Path | None:
    """Let JAX keep compiled programs in a folder, unless it has one or must not.

    `JAXCNN_COMPILATION_CACHE` names the folder, or is `off`; by default it is `programs` beside
    the cache of weights. Machines that share it find their own part: programs for a CPU hold
    instructions that another may lack.
    """
    given = os.environ.get(VARIABLE, "")
    if given.lower() in OFF and given or jax.config.jax_compilation_cache_dir:  # type: ignore
        return None
    root = Path(given).expanduser() if given else cache_folder().with_name("programs")
    folder = root / processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_old(folder)
    except OSError:  # no home, or not ours: every run compiles for itself
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def processor() -> str:
    """Return a name for the instructions of this machine's CPU.

    >>> processor() == processor(), len(processor())
    (True, 12)
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    facts = {line for line in lines if line.startswith(("model name", "flags", "Features"))}
    return hashlib.sha256("\n".join(sorted(facts)).encode()).hexdigest()[:12]


def remove_old(folder: Path) -> None:
    """Remove what was written long ago."""
    oldest = time.time() - KEPT_S
    for file in folder.iterdir():
        if file.is_file() and file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
