"""`python -m train explain RUN`."""

import json
import re
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from jaxcnn import create_model
from jaxcnn.images import read
from jaxcnn.taps import Difference, Logit
from train.__main__ import main
from train.album import SplitAlbum
from train.config import Augment
from train.data.source import ArraySource
from train.errors import UserError
from train.report.explained import map_layers, target
from train.report.findings import Example
from train.tasks import Classification
from train.verbs.explain import check_same_data


@pytest.fixture(scope="module")
def album():
    images = np.random.default_rng(0).integers(0, 255, (300, 16, 16, 1), dtype=np.uint8)
    model = create_model("lenet5", num_classes=3)
    variables = jax.jit(model.init)(jax.random.key(0), np.zeros((1, 16, 16, 1), np.float32))
    task = Classification(model=model, mean=(0.5,), std=(0.25,), augment=Augment())
    return SplitAlbum(task, variables, ArraySource(images, np.arange(300, dtype=np.int32) % 3))


def test_batches_are_the_prepared_images_in_order(album):
    batches = [np.asarray(batch) for batch in album.batches()]
    assert [len(batch) for batch in batches] == [128, 128, 44]
    expected = (album.source.images / 255 - 0.5) / 0.25
    np.testing.assert_allclose(np.concatenate(batches), expected, atol=1e-5)


def test_a_thinned_album_is_spread_over_the_split(album):
    thin = album.thinned(4)
    assert len(thin) == 4
    for i, n in enumerate((0, 99, 199, 299)):
        np.testing.assert_array_equal(thin[i], album[n])
    assert len(album.thinned(1000)) == 300


def test_layers_are_those_with_maps_from_first_to_last(album):
    assert map_layers(album) == ["conv1", "pool1", "conv2"]  # 1 x 1 is no map


def test_a_mistake_is_explained_against_the_truth():
    right, wrong = (Example(0, label, 0.1, 2, 0.9, 1.0) for label in (2, 1))
    logits = np.array([[1.0, 4.0, 16.0]])
    assert isinstance(target(right), Logit)
    assert isinstance(target(wrong), Difference)
    assert float(target(right)(jax.numpy.asarray(logits))[0]) == 16
    assert float(target(wrong)(jax.numpy.asarray(logits))[0]) == 12


def test_other_data_than_the_runs_are_refused():
    finished: Any = SimpleNamespace(
        summary={"test": {"top1": 0.9, "count": 100}}, directory="runs/a"
    )
    same: Any = SimpleNamespace(top1=0.903, count=100)
    check_same_data(finished, same, "test")
    for top1, count in ((0.8, 100), (0.9, 99)):
        other: Any = SimpleNamespace(top1=top1, count=count)
        check_same_data(finished, other, "val")
        with pytest.raises(UserError, match="does not name its data"):
            check_same_data(finished, other, "test")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{}"], "config.json does not exist; give the folder of a run"),
        (["{}", "--examples", "0"], "--examples must be >= 1"),
    ],
)
def test_what_cannot_be_explained(capsys, tmp_path, words, message):
    assert main(["explain", *(word.replace("{}", str(tmp_path)) for word in words)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_page_of_a_run(capsys, tmp_path):
    options = ["--length", "3 epochs", "--log.report", "False", "--workdir", str(tmp_path)]
    assert main(["digits", *options]) == 0
    assert main(["explain", str(tmp_path), "--examples", "2", "--embedded", "80"]) == 0
    assert f"page: {tmp_path / 'explain.html'}" in capsys.readouterr().out
    text = (tmp_path / "explain.html").read_text()
    assert not re.search(r"https?://|<script|@import|url\(", text)
    top1 = json.loads((tmp_path / "summary.json").read_text())["test"]["top1"]
    for words in (f"{top1:.2%} of 360 images", "nothing was chosen by them", "Selvaraju et al."):
        assert words in text
    names = {path.stem for path in (tmp_path / "explain").glob("*.png")}
    assert names >= {"filters", "mistakes", "right", "units-conv2", "directions"}
    assert names >= {"maps-conv1-1", "maps-conv1-2", "embedding-pca", "embedding-t-sne"}
    for name in names:
        assert min(read(tmp_path / "explain" / f"{name}.png").shape[:2]) > 50
    assert main(["digits", *options]) == 0  # the folder is still that of the run
