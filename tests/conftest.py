"""The strict environment of every test: eight virtual CPU devices, warnings are errors."""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")

# Programs that several tests compile are compiled once; nothing is kept between sessions.
CACHE = tempfile.mkdtemp(prefix="jaxcnn-tests-")
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)
jax.config.update("jax_compilation_cache_dir", CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_configure(config):
    """Compile without LLVM's optimizations, which takes half the time and computes the same.

    With `--slow` everything is compiled as users compile it.
    """
    if not config.getoption("--slow"):
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"--xla_backend_optimization_level=0 {flags}".strip()


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
