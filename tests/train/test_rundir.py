"""The folder of a run, and folders that are none."""

import dataclasses
import json
import os

import pytest

from train.config import Config
from train.errors import RESTART, UserError
from train.rundir import OWN, finished_summary, open_directory, write_atomically


def enter(directory, config=None, *, fresh=False) -> None:
    with open_directory(directory, config or Config(), fresh=fresh):
        pass


def test_a_finished_run_without_its_checkpoints_is_still_that_of_its_config(tmp_path):
    enter(tmp_path)
    assert finished_summary(tmp_path, Config()) is None
    (tmp_path / "summary.json").write_text('{"steps": 3}')
    assert finished_summary(tmp_path, Config()) == {"steps": 3}
    other = dataclasses.replace(Config(), seed=1)
    with pytest.raises(UserError, match="seed: was 0, is 1"):
        finished_summary(tmp_path, other)
    assert json.loads((tmp_path / "config.json").read_text())["seed"] == 0
    enter(tmp_path, other, fresh=True)
    assert finished_summary(tmp_path, other) is None


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("name", OWN)
def test_files_of_another_program_are_never_touched(tmp_path, name, fresh):
    (tmp_path / name).write_text('{"model_type": "vit"}')
    for refuse in (lambda: enter(tmp_path, fresh=fresh), lambda: finished_summary(tmp_path, None)):
        with pytest.raises(
            UserError, match=f"holds {name}, but no config.json of a run.*--workdir"
        ):
            refuse()
    assert (tmp_path / name).read_text() == '{"model_type": "vit"}'
    assert os.listdir(tmp_path) == [name]


def test_fresh_removes_what_a_run_wrote_and_nothing_else(tmp_path):
    enter(tmp_path)
    for name in ("metrics.jsonl", "summary.json", "notes.txt"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "checkpoints").mkdir()
    enter(tmp_path, fresh=True)
    assert sorted(os.listdir(tmp_path)) == [".lock", "config.json", "notes.txt"]


def test_what_cannot_be_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file cannot be the folder of a run: .*--workdir"):
        enter(tmp_path / "file")


def test_a_full_disk_leaves_the_old_file_and_no_part_of_the_new(tmp_path, monkeypatch):
    path = tmp_path / "final.npz"
    path.write_text("old")

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"final.npz: No space left.*free some space") as caught:
        write_atomically(path, "new")
    assert caught.value.exit_code == RESTART
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"final.npz": "old"}
