import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from train.errors import UserError
from train.log import TIME_FIELDS, MetricsLog, read_metrics, without_time

ROOT = Path(__file__).parents[2]


def row(step, split="train", **more):
    return {"step": step, "split": split, "loss": 1 / (step + 1), "top1": 0.5, "top5": 1.0, **more}


def steps(directory):
    return [(r["step"], r["split"]) for r in read_metrics(directory)]


def write(directory, rows, **options):
    with MetricsLog(directory, tensorboard=False, **options) as log:
        for one in rows:
            log.write(one)


def test_rows_come_back_as_they_were(tmp_path):
    rows = [row(1, learning_rate=0.1, seconds=2.5), row(1, "val"), row(2)]
    write(tmp_path, rows)
    assert read_metrics(tmp_path) == read_metrics(tmp_path / "metrics.jsonl") == rows


def test_a_row_is_in_the_file_when_write_returns(tmp_path):
    log = MetricsLog(tmp_path, tensorboard=False)
    for step in range(3):
        log.write(row(step))
        assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == step + 1
    log.close()
    log.close()


def test_numbers_of_numpy_and_jax_and_what_is_not_finite(tmp_path):
    loss = np.float32(0.1)
    write(tmp_path, [row(np.int64(3)) | {"loss": loss, "top1": jnp.float32(0.25), "top5": np.nan}])
    (back,) = read_metrics(tmp_path)
    assert (back["step"], back["top1"], back["top5"]) == (3, 0.25, None)
    assert np.float32(back["loss"]) == loss
    json.loads((tmp_path / "metrics.jsonl").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("resume_step", "kept"),
    [(0, []), (2, [1, 2, 2]), (3, [1, 2, 2, 3]), (9, [1, 2, 2, 3])],
)
@pytest.mark.parametrize("tail", [b"", b'{"step": 2, "spl', b"\0\0\0", b"[1]\n", b'{"a": 1}\n'])
def test_resume_cuts_later_rows_and_torn_lines(tmp_path, resume_step, kept, tail):
    write(tmp_path, [row(1), row(2), row(2, "val"), row(3)])
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes() + tail)
    assert len(read_metrics(path)) == 4
    write(tmp_path, [row(resume_step + 1)], resume_step=resume_step)
    assert [r["step"] for r in read_metrics(path)] == [*kept, resume_step + 1]
    assert path.read_bytes().count(b"\n") == len(kept) + 1
    assert os.listdir(tmp_path) == ["metrics.jsonl"]


def test_a_line_that_lacks_only_its_end_is_kept(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps(row(1)))
    write(tmp_path, [row(2)], resume_step=1)
    assert steps(path) == [(1, "train"), (2, "train")]


def test_resumed_log_equals_an_uninterrupted_one(tmp_path):
    rows = [row(s, split, seconds=s) for s in range(1, 9) for split in ("train", "val")]
    write(tmp_path / "whole", rows)
    write(tmp_path / "killed", rows[:11])
    # The checkpoint was made at step 4; the rows at step 4 come a second time.
    write(tmp_path / "killed", rows[6:], resume_step=4)
    whole, killed = (
        (tmp_path / name / "metrics.jsonl").read_bytes() for name in ("whole", "killed")
    )
    assert whole == killed


def test_without_time_drops_only_time():
    timed = row(1) | dict.fromkeys(TIME_FIELDS, 1.0)
    assert without_time([timed]) == [row(1)]


KILLED = """
import os, signal, sys
from train.log import MetricsLog
log = MetricsLog(sys.argv[1])
for step in range(1000):
    log.write({"step": step, "split": "train", "loss": step / 3})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_loses_nothing(tmp_path):
    run = subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=ROOT, check=False)
    assert run.returncode == -signal.SIGKILL
    assert [r["step"] for r in read_metrics(tmp_path)] == list(range(1000))


@pytest.mark.parametrize("partial", [0, 7], ids=["no_byte", "half_a_line"])
def test_full_disk_warns_once_and_loses_no_row(tmp_path, monkeypatch, partial):
    said = []
    log = MetricsLog(tmp_path, tensorboard=False, warn=said.append)
    log.write(row(1))
    real = os.write

    def full(file, data):
        if partial:
            return real(file, data[:partial])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        log.write(row(2))
        log.write(row(3))
        assert steps(tmp_path) == [(1, "train")]
    log.write(row(4))
    log.close()
    assert [step for step, _ in steps(tmp_path)] == [1, 2, 3, 4]
    (text,) = said
    assert "training goes on" in text


def test_rows_that_had_no_room_are_written_before_a_checkpoint(tmp_path, monkeypatch):
    log = MetricsLog(tmp_path, tensorboard=False, warn=lambda text: None)

    def full(file, data):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        log.write(row(1))
    log.flush()
    assert steps(tmp_path) == [(1, "train")]
    log.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_disk_for_real_with_events(tmp_path):
    """The whole log lies on a device that refuses every byte; nothing raises, nothing hangs."""
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    (tmp_path / "tensorboard").write_text("a file where a folder should be")
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.log._cut", lambda path, step: [])
        log = MetricsLog(tmp_path, warn=said.append)
    for step in range(100):
        log.write(row(step))
    log.close()
    assert len(said) == 1


def test_no_folder_to_write_to_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the metrics to .*--workdir"):
        MetricsLog(tmp_path / "file" / "run")


def test_no_metrics_to_read_is_one_clear_error(tmp_path):
    with pytest.raises(UserError, match="no metrics at"):
        read_metrics(tmp_path)


def events(directory):
    """Return every (step, tag, value) and every purged step of the event files in order."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted((directory / "tensorboard").iterdir(), key=lambda p: p.stat().st_mtime_ns):
        data = path.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            if event.HasField("session_log"):
                found.append(("purge", event.step))
            for value in event.summary.value:
                found.append((event.step, value.tag, value.simple_value))
    return found


def test_events_and_the_purge_on_resume(tmp_path):
    for resume, rows in ((0, [row(1), row(2, "val")]), (1, [row(2, "val")])):
        with MetricsLog(tmp_path, resume_step=resume) as log:
            for one in rows:
                log.write(one)
    found = events(tmp_path)
    assert found[0] == ("purge", 1)
    assert (1, "train/loss", 0.5) in found
    again = found.index(("purge", 2))
    assert [(s, tag) for s, tag, _ in found[again + 1 :]] == [
        (2, "val/loss"), (2, "val/top1"), (2, "val/top5"),
    ]  # fmt: skip
