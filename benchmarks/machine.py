"""The machine and the versions that a result belongs to."""

import importlib.metadata
import os
import platform
from typing import Any

import jaxcnn

PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "orbax-checkpoint", "grain")
PACKAGES += ("tensorflow-datasets",)


def machine() -> dict[str, Any]:
    """Return what makes results comparable; no names of hosts or people."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "jaxcnn": jaxcnn.__version__,
        "cores": len(os.sched_getaffinity(0)),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def processor() -> str:
    """Return the model name of the CPU with its vector extensions."""
    with open("/proc/cpuinfo") as file:
        lines = [line.split(":", 1) for line in file.read().splitlines() if ":" in line]
    facts = {key.strip(): value.strip() for key, value in lines}
    flags = set(facts.get("flags", "").split()) & {"avx2", "avx512f", "amx_bf16"}
    return " ".join([facts.get("model name", "unknown"), *sorted(flags)])
