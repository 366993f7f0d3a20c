"""Damage to a checkpoint: every file, six ways; it is named, moved aside and never loaded."""

import shutil

import pytest

from benchmarks.damage import WAYS, counterpart, files
from tests.train.checkpoints import make_state, open_in, resealed, same
from train import manifest
from train.errors import UserError
from train.manifest import Damaged
from train.shelf import Shelf

IDENTITY = {"config": {"seed": 0}, "data": "abc", "environment": {"jax": "0.10.2", "commit": "1"}}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "checkpoints"
    with open_in(folder, identity=IDENTITY) as checkpoints:
        for step in (5, 10):
            checkpoints.save_best(make_state(step), step / 100)
            checkpoints.save(make_state(step), {"data": {"next_batch": step}})
    return folder


def restored(folder, **options):
    with open_in(folder, **options) as checkpoints:
        return checkpoints.restore(make_state(0))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_damaged_file_is_named_and_the_step_before_is_taken(saved, tmp_path, capsys, way):
    for name in [path.relative_to(saved) for path in files(saved / "last" / "10")]:
        folder = tmp_path / "checkpoints"
        shutil.copytree(saved, folder)
        path, last = folder / name, folder / "last"
        before = path.read_bytes()
        way(path, counterpart(path, last / "10", last / "5"))
        if path.exists() and path.read_bytes() == before:
            shutil.rmtree(folder)
            continue
        found = restored(folder)
        assert found is not None
        assert same(found[0], 5), name
        assert found[1] == {"data": {"next_batch": 5}}
        told = capsys.readouterr().err
        assert "checkpoint 10 is damaged" in told
        assert path.name in told or path.name == manifest.NAME
        assert (last / "10.damaged").is_dir()
        shutil.rmtree(folder)


def test_an_intact_checkpoint_is_the_newest(saved):
    found = restored(saved)
    assert found is not None
    assert same(found[0], 10)


def test_what_does_not_belong_to_it_is_damage(saved, tmp_path):
    shutil.copytree(saved / "last" / "10", tmp_path / "10")
    (tmp_path / "10" / "state" / "more").write_text("")
    with pytest.raises(Damaged, match="state/more does not belong"):
        Shelf(tmp_path).verify(10)


def test_a_whole_checkpoint_in_the_place_of_another_is_noticed(saved, tmp_path):
    shutil.copytree(saved / "last" / "5", tmp_path / "10")
    with pytest.raises(Damaged, match="it is step 5"):
        Shelf(tmp_path).verify(10)


def test_facts_that_were_changed_later_are_noticed(saved, tmp_path):
    shutil.copytree(saved / "last" / "10", tmp_path / "10")
    resealed(tmp_path / "10", step=10, data="other")
    with pytest.raises(Damaged, match="manifest.json itself"):
        Shelf(tmp_path).verify(10)


def test_folders_that_are_no_checkpoints_are_passed_over(saved, tmp_path):
    folder = tmp_path / "checkpoints"
    shutil.copytree(saved, folder)
    (folder / "last" / "99").mkdir()
    (folder / "last" / "11.partial").mkdir()
    (folder / "last" / "notes").mkdir()
    found = restored(folder)
    assert found is not None
    assert same(found[0], 10)
    assert not (folder / "last" / "11.partial").exists()


def test_nothing_intact_is_nothing(saved, tmp_path, capsys):
    folder = tmp_path / "checkpoints"
    shutil.copytree(saved, folder)
    for step in (5, 10):
        (folder / "last" / str(step) / "host.json").unlink()
    assert restored(folder) is None
    assert capsys.readouterr().err.count("is damaged") == 2


def test_a_damaged_best_is_forgotten(saved, tmp_path, capsys):
    folder = tmp_path / "checkpoints"
    shutil.copytree(saved, folder)
    (folder / "best" / "10" / "manifest.json").unlink()
    with open_in(folder) as checkpoints:
        checkpoints.restore(make_state(0))
        checkpoints.save_best(make_state(15), 0.01)
    assert "checkpoint 10 is damaged" in capsys.readouterr().err
    assert (folder / "best" / "15").is_dir()


def test_a_manifest_tells_of_config_data_and_machine(saved):
    facts = manifest.verify(saved / "last" / "10")
    assert facts["config"] == {"seed": 0}
    assert facts["data"] == "abc"
    assert facts["arrays"]["params/w"] == "(3,) float32"


def test_another_config_is_refused_by_field(saved):
    with pytest.raises(UserError, match="seed: was 0, is 1"):
        restored(saved, identity={**IDENTITY, "config": {"seed": 1}})


def test_another_machine_is_told_of(saved, capsys):
    restored(saved, identity={**IDENTITY, "environment": {"jax": "0.11.0", "commit": "2"}})
    told = capsys.readouterr().err
    assert "jax: was '0.10.2', is '0.11.0'" in told
    assert "commit" not in told


def test_files_and_folders_are_brought_to_the_disk_before_the_name(tmp_path, monkeypatch):
    order: list[str] = []
    sync, replace = manifest.os.fsync, manifest.os.replace

    def noted(handle: int) -> None:
        order.append(manifest.os.readlink(f"/proc/self/fd/{handle}"))
        sync(handle)

    def renamed(old, new) -> None:
        order.append(f"rename {new}")
        replace(old, new)

    monkeypatch.setattr(manifest.os, "fsync", noted)
    monkeypatch.setattr(manifest.os, "replace", renamed)
    Shelf(tmp_path).put(7, lambda folder: (folder / "x").write_text("x") and None, {})
    draft = tmp_path / "7.partial"
    assert order == [
        *(str(draft / name) for name in ("x", "manifest.json")),
        str(draft),
        f"rename {tmp_path / '7'}",
        str(tmp_path),
    ]
