"""An empty cache without pauses, and a server of one file."""

import pytest

from jaxcnn.weights.download import http
from tests.weights.downloads import DATA
from tests.weights.server import serving


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(http, "PAUSES", (0.0, 0.0))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def server():
    with serving(DATA) as running:
        yield running
