"""Where compiled programs are kept between runs, and where not."""

import os

import jax
import pytest

from train.compilation_cache import KEPT_S, VARIABLE, keep_programs, processor


@pytest.fixture
def free():
    """JAX without a folder of its own, as in a user's process."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    jax.config.update("jax_compilation_cache_dir", before)


@pytest.mark.usefixtures("free")
def test_programs_are_kept_beside_the_weights(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("JAXCNN_CACHE", str(tmp_path))
    expected = tmp_path / "programs" / processor()
    expected.mkdir(parents=True)
    for name, age in (("old", KEPT_S + 60), ("young", 60)):
        (expected / name).touch()
        now = (expected / name).stat().st_mtime
        os.utime(expected / name, (now - age, now - age))
    assert keep_programs() == expected
    assert jax.config.jax_compilation_cache_dir == str(expected)
    assert [file.name for file in expected.iterdir()] == ["young"]


@pytest.mark.usefixtures("free")
def test_a_folder_may_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    assert keep_programs() == tmp_path / "mine" / processor()


@pytest.mark.usefixtures("free")
@pytest.mark.parametrize("word", ["off", "OFF", "0"])
def test_it_may_be_switched_off(monkeypatch, word):
    monkeypatch.setenv(VARIABLE, word)
    assert keep_programs() is None
    assert jax.config.jax_compilation_cache_dir is None


@pytest.mark.usefixtures("free")
def test_a_folder_that_cannot_be_made_stops_nothing(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "below"))
    assert keep_programs() is None


def test_what_the_user_told_jax_stays(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    before = jax.config.jax_compilation_cache_dir
    assert before  # that of the tests
    assert keep_programs() is None
    assert jax.config.jax_compilation_cache_dir == before
