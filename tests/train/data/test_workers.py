"""Reading with processes: the same batches, no shared buffers, crashes told, no orphans."""

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from train.config import Data
from train.data import load_splits, train_batches, workers
from train.errors import RESTART, UserError


@pytest.fixture
def splits(folder):
    """A lazy source with one unreadable file."""
    (folder / "dog" / "03.jpg").write_bytes(b"\xff\xd8\xff")
    data = Data(f"folder:{folder}", cache_mb=0, on_error="skip")
    return load_splits(data, 0)


@pytest.fixture
def source(splits):
    return splits.train


@pytest.mark.slow
def test_processes_give_the_same_stream_from_any_batch(splits):
    source = splits.train
    settings = {"batch_size": 5, "seed": 3, "remainder": "wrap"}
    threads = train_batches(source, **settings)
    processes = train_batches(source, workers=2, **settings)
    for _ in range(3):
        next(threads)
    expected = list(itertools.islice(threads, 9))
    skipped = dict(splits.skipped)
    assert len(skipped) == 1
    splits.skipped.clear()
    try:
        processes.set_state({**processes.get_state(), "next_batch": 3})
        batches = list(itertools.islice(processes, 9))
        assert processes.get_state() == threads.get_state()
        assert splits.skipped == skipped
    finally:
        processes.close()
        threads.close()
    for batch, other in zip(batches, expected, strict=True):
        assert batch.keys() == other.keys()
        for key in batch:
            assert type(batch[key]) is np.ndarray
            assert batch[key].flags.owndata
            np.testing.assert_array_equal(batch[key], other[key])


@pytest.mark.slow
def test_a_killed_process_is_told_and_the_stream_goes_on(source):
    stream = train_batches(source, batch_size=5, seed=0, workers=1, prefetch=1)
    reference = train_batches(source, batch_size=5, seed=0)
    np.testing.assert_array_equal(next(stream)["index"], next(reference)["index"])
    (worker,) = multiprocessing.active_children()
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(UserError, match=r"died at batch .*--data.workers, now 1") as error:
        # Batches that were ready come first, and are right.
        all(np.array_equal(next(stream)["index"], next(reference)["index"]) for _ in range(50))
    assert error.value.exit_code == RESTART
    reference.set_state(stream.get_state())
    np.testing.assert_array_equal(next(stream)["index"], next(reference)["index"])
    stream.close()
    reference.close()


PROGRAM = """
import multiprocessing, signal, sys, time
from train.config import Data
from train.data import load_splits, train_batches

if __name__ == "__main__":
    # Programs in the background may have been told to ignore it, and pass that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    source = load_splits(Data("folder:" + sys.argv[1], cache_mb=0), 0).train
    stream = train_batches(source, batch_size=5, seed=0, workers=1)
    next(stream)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    input()
    for _ in range(20):
        next(stream)
    print("went on", flush=True)
    if sys.argv[2] == "kill":
        time.sleep(100)
"""


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
@pytest.mark.parametrize("end", ["kill", pytest.param("return", marks=pytest.mark.slow)])
def test_no_orphans(folder, tmp_path, end):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    root = os.path.dirname(os.path.dirname(os.path.abspath(workers.__file__)))
    command = [sys.executable, str(program), str(folder), end]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    env = {**os.environ, "PYTHONPATH": os.path.dirname(root)}
    with subprocess.Popen(command, text=True, env=env, **pipes) as process:
        (worker,) = map(int, process.stdout.readline().split())
        # What Ctrl-C and schedulers send to the whole group must not end the worker.
        os.kill(worker, signal.SIGINT)
        os.kill(worker, signal.SIGTERM)
        print(file=process.stdin, flush=True)
        assert process.stdout.readline() == "went on\n"
        if end == "kill":
            process.kill()
        assert process.wait(timeout=60) == (-signal.SIGKILL if end == "kill" else 0)
        # Leaving without `close` neither leaks shared memory nor fills the screen.
        assert process.stderr.read() == "" or end == "kill"
    deadline = time.monotonic() + 30
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_alive(worker)


def test_decoded_sets_are_never_copied_to_processes():
    source = load_splits(Data(), 0).train
    stream = train_batches(source, batch_size=32, seed=0, workers=2)
    next(stream)
    assert multiprocessing.active_children() == []
    stream.close()


def test_too_little_shared_memory(source, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(
        workers.shutil, "disk_usage", lambda _: workers.shutil._ntuple_diskusage(1, 1, 0)
    )
    with pytest.raises(UserError, match="shared memory.*0 MB free.*--data.workers 0"):
        train_batches(source, batch_size=5, seed=0, workers=2)
