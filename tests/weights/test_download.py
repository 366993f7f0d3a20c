"""Downloads against a bad server: the file appears whole and verified, once, or not at all."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jaxcnn.weights import WeightsError, cache_folder, locate
from jaxcnn.weights.download import http
from jaxcnn.weights.download.cache import cached_path
from tests.weights.downloads import DATA, entry, files
from tests.weights.server import serving

pytestmark = pytest.mark.usefixtures("cache")


def test_a_file_is_downloaded_once(server, cache):
    path = locate(entry(server))
    assert path == cache / "weights.pth"
    assert path.read_bytes() == DATA
    assert locate(entry(server)) == path
    assert server.requests == [None]
    assert files(cache) == {"weights.pth"}


def test_a_broken_download_goes_on_where_it_ended(server):
    server.breaks = [100_000, 50_000]
    assert locate(entry(server)).read_bytes() == DATA
    assert server.requests == [None, "bytes=100000-", "bytes=150000-"]


def test_it_goes_on_in_the_next_process_too(server, cache):
    server.breaks = [100_000, 10, 10]
    with pytest.raises(WeightsError, match="broke off after 100,020 of 300,000 bytes"):
        locate(entry(server))
    assert files(cache) == {"weights.pth.part"}
    assert locate(entry(server)).read_bytes() == DATA
    assert server.requests[-1] == "bytes=100020-"


def test_a_server_without_ranges_starts_anew(server):
    server.ranges, server.breaks = False, [100_000]
    assert locate(entry(server)).read_bytes() == DATA
    assert server.requests == [None, "bytes=100000-"]


def test_a_server_that_goes_on_elsewhere_is_asked_anew(server):
    server.shift, server.breaks = 7, [100_000]
    assert locate(entry(server)).read_bytes() == DATA
    assert server.requests == [None, "bytes=100000-", None]


def test_a_server_that_falls_silent_is_asked_again(server, monkeypatch):
    monkeypatch.setattr(http, "TIMEOUT", 0.1)
    server.delays = [0.3]
    assert locate(entry(server)).read_bytes() == DATA
    assert len(server.requests) == 2


def test_a_server_that_tells_no_length(server):
    server.lengths = False
    assert locate(entry(server)).read_bytes() == DATA


@pytest.mark.parametrize("start", [b"x" * 1000, b"x" * len(DATA), b"x" * 5_000_000])
def test_a_beginning_of_something_else_is_dropped(server, cache, start):
    cache.mkdir(parents=True)
    (cache / "weights.pth.part").write_bytes(start)
    assert locate(entry(server)).read_bytes() == DATA
    assert files(cache) == {"weights.pth"}


def test_a_complete_part_is_used(server, cache):
    cache.mkdir(parents=True)
    (cache / "weights.pth.part").write_bytes(DATA)
    assert locate(entry(server)).read_bytes() == DATA


def test_a_wrong_hash_leaves_nothing(server, cache):
    server.data = DATA[:-1] + b"!"
    with pytest.raises(WeightsError, match="what arrived has SHA-256"):
        locate(entry(server))
    assert files(cache) == set()


def test_a_damaged_file_in_the_cache_is_replaced(server, cache):
    cache.mkdir(parents=True)
    (cache / "weights.pth").write_bytes(DATA[:1000])
    assert locate(entry(server)).read_bytes() == DATA


def test_a_flood_is_stopped(server, cache):
    server.data = DATA * 10
    with pytest.raises(WeightsError, match="more than the"):
        locate(entry(server))
    assert files(cache) == set()


def test_passing_trouble_is_outlived(server):
    server.statuses = [503, 429]
    assert locate(entry(server)).read_bytes() == DATA


@pytest.mark.parametrize("status", [404, 403])
def test_a_refusal_is_told_at_once_with_the_way_out(server, cache, status):
    server.statuses = [status]
    with pytest.raises(WeightsError, match=str(status)) as caught:
        locate(entry(server))
    assert len(server.requests) == 1
    text = str(caught.value)
    assert server.url in text
    assert f"put it at {cache / 'weights.pth'}" in text
    assert "JAXCNN_CACHE" in text


def test_no_network_tells_which_file_to_put_where(cache):
    with serving(DATA) as gone:
        pass
    with pytest.raises(WeightsError, match="not reached") as caught:
        locate(entry(gone))
    assert str(cache / "weights.pth") in str(caught.value)
    cached_path("weights.pth").write_bytes(DATA)
    assert locate(entry(gone)).read_bytes() == DATA


def test_a_redirection_is_followed(server):
    server.location = server.url
    redirected = server.url.replace("weights.pth", "redirected")
    assert locate(entry(server, url=redirected)).read_bytes() == DATA


@pytest.mark.parametrize("address", ["http://192.0.2.1/w.pth", "file:///etc/passwd", "ftp://h/w"])
def test_unsafe_addresses_are_refused(server, address):
    with pytest.raises(WeightsError, match="is not https"):
        locate(entry(server, url=address))
    server.location = address
    redirected = server.url.replace("weights.pth", "redirected")
    with pytest.raises(WeightsError, match="is not https|is not allowed"):
        locate(entry(server, url=redirected))


@pytest.mark.parametrize("name", ["..", "a\\b.pth", "C:x.pth", ""])
def test_no_name_leads_out_of_the_cache(server, name):
    with pytest.raises(WeightsError, match="out of the cache"):
        locate(entry(server, url=f"{server.url}/{name}"))


def test_a_cache_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("JAXCNN_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="folder that can be written in JAXCNN_CACHE") as caught:
        locate(entry(server))
    assert str(tmp_path / "file" / "weights" / "weights.pth") in str(caught.value)
    assert server.requests == []


def test_a_read_only_cache_that_has_the_file_is_enough(server, cache, monkeypatch):
    path = locate(entry(server))

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert locate(entry(server)) == path
    path.unlink()
    with pytest.raises(WeightsError, match="Permission denied"):
        locate(entry(server))


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("JAXCNN_CACHE", "~/mine")
    assert cache_folder() == Path.home() / "mine" / "weights"
    monkeypatch.delenv("JAXCNN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/jaxcnn/weights")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/jaxcnn/weights"


def test_many_at_once_download_once(server):
    found, weights = [], entry(server)
    threads = [threading.Thread(target=lambda: found.append(locate(weights))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.requests == [None]
    assert {path.read_bytes() == DATA for path in found} == {True}
    assert len(found) == 8


PROCESS = """
import dataclasses, sys
from jaxcnn.weights import locate, weight_set
url, sha256, size = sys.argv[1:]
weights = dataclasses.replace(weight_set("resnet18"), url=url, sha256=sha256, size=int(size))
sys.stdin.read(1)
print(locate(weights))
"""


@pytest.mark.slow
def test_two_processes_at_once_download_once(server):
    weights = entry(server)
    command = [sys.executable, "-c", PROCESS, weights.url, weights.sha256, str(weights.size)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
        process.stdin.write("x")
        process.stdin.flush()
    results = [process.communicate()[0].strip() for process in processes]
    assert Path(results[0]).read_bytes() == DATA
    assert results[0] == results[1]
    assert server.requests == [None]


def test_progress_is_shown_where_wanted(server, capsys):
    locate(entry(server), progress=True)
    assert "weights.pth: 0.3 of 0.3 MB (100%)" in capsys.readouterr().err
    cached_path("weights.pth").unlink()
    locate(entry(server))
    assert capsys.readouterr().err == ""


def test_a_file_that_does_not_fit_the_disk_is_told_as_that(server, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(http, "_receive", full)
    with pytest.raises(WeightsError, match="cannot be kept in .*No space left"):
        locate(entry(server))
