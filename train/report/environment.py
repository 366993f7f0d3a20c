"""What a run ran on: versions, devices, commit; nothing that names a person or a machine."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import jax

PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "grain", "orbax-checkpoint")

ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """Return the names and values that another person needs to repeat the run."""
    versions = {name: _version(name) for name in PACKAGES}
    found = {
        "python": platform.python_version(),
        **{name: version for name, version in versions.items() if version},
        "platform": f"{platform.system()} {platform.machine()}",
        "devices": devices(),
        "cpu cores": str(_cores()),
        "commit": commit(ROOT),
    }
    return {name: value for name, value in found.items() if value}


def devices() -> str:
    """Return the kinds and numbers of all devices, such as `8 x cpu`."""
    kinds = [device.device_kind for device in jax.devices()]
    return ", ".join(f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds))


def commit(folder: Path) -> str:
    """Return the commit of the code, marked where files differ from it; empty without git."""
    head = _git(folder, "rev-parse", "HEAD")
    changed = head and _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{head[:12]} with changes" if changed else head[:12]


def _git(folder: Path, *words: str) -> str:
    if not (folder / ".git").exists():
        return ""
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
