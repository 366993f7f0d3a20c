"""The strict environment of every test: eight virtual CPU devices, warnings are errors."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAXCNN_COMPILATION_CACHE"] = "off"  # of runs in processes of their own

import jax
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")

# Programs that several tests compile are compiled once; nothing is kept between sessions.
CACHE = tempfile.mkdtemp(prefix="jaxcnn-tests-")
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)
jax.config.update("jax_compilation_cache_dir", CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


MAPS = 30_000
"""Areas of memory after which compiled programs are dropped: Linux allows a process 65,530."""


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")
    parser.addoption("--optimized", action="store_true", help="compile as users compile")


def pytest_configure(config):
    """Compile without LLVM's optimizations, which takes a third of the time.

    With `--optimized` everything is compiled as users compile it.
    """
    if not config.getoption("--optimized"):
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"--xla_backend_optimization_level=0 {flags}".strip()


@pytest.fixture(autouse=True, scope="module")
def _drop_programs():
    """Drop compiled programs before their number ends the process."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MAPS:
        jax.clear_caches()


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture
def x64():
    """Run the test with 64-bit floats, where equality of two programs can be proved."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def getkey():
    """A function that returns a fresh random key at every call."""
    state = [jax.random.key(2024)]

    def fresh():
        state[0], key = jax.random.split(state[0])
        return key

    return fresh
