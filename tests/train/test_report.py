import html.parser
import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.marks import mostly_slow
from tests.train.evaluations import history, random_evaluation
from train.config import Config, to_json
from train.errors import UserError
from train.report import environment, write_report
from train.report.curves import PANELS, draw_panels, series
from train.report.environment import commit
from train.report.findings import (
    hits,
    wilson,
    worst,
)
from train.report.gallery import percent
from train.report.matrix import NAMED, NUMBERED, colors, draw_matrix, row_shares
from train.report.theme import DARK, LIGHT
from train.report.write import save


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr("train.report.theme.DPI", 50)


VOID = {"meta", "img", "source", "br"}


class Images:
    """Images that note which of them are asked for."""

    def __init__(self, shape):
        self.shape, self.asked = shape, set()

    def __getitem__(self, index):
        self.asked.add(index)
        return np.random.default_rng(index).integers(0, 256, self.shape, dtype=np.uint8)


class Page(html.parser.HTMLParser):
    """Reads a page and fails where elements are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.text, self.images = [], [], [], 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.sources += [v for k, v in attrs if k in ("src", "srcset", "href")]
        self.images += tag == "img"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


SUMMARY = {"config": "digits", "model": "lenet5", "parameters": 61706, "train_seconds": 75.2,
           "test": {}, "steps": 90, "state_sha256": "ab" * 32}  # fmt: skip


def report(directory, evaluation, names, shape, rows, **summary):
    images = Images(shape)
    path = write_report(
        directory,
        history=rows,
        evaluation=evaluation,
        test_images=images,
        class_names=names,
        config_json=to_json(Config()),
        environment={"jax": "1.2.3"},
        summary=SUMMARY | summary,
    )
    return path, path.read_text(), images


CASES = {
    "digits": (360, 10, 0.9, (8, 8, 1), history(90)),
    "one_epoch_without_validation": (30, 10, 0.5, (8, 8, 1), history(5, ("train",))),
    "two_classes_no_mistakes": (9, 2, 1.0, (224, 160, 3), history(90)),
    "one_example": (1, 3, 0.0, (5, 9, 3), history(5, ("train",))),
    "no_history": (50, 70, 0.5, (32, 32, 3), []),
}


@pytest.mark.parametrize("case", mostly_slow(CASES, ("digits",)))
def test_report_is_whole_and_needs_nothing_else(tmp_path, case):
    count, classes, accuracy, shape, rows = CASES[case]
    evaluation = random_evaluation(count, classes, accuracy)
    path, text, images = report(tmp_path, evaluation, range(classes), shape, rows)
    page = Page(text)
    assert path == tmp_path / "report.html"
    assert all(source.startswith("data:image/") for source in page.sources)
    assert not re.search(r"https?://|<script|@import|url\(", text)
    assert len(images.asked) <= 72
    assert page.images >= min(24, count) + (3 if rows else 1)
    pictures = {path.name: Image.open(path) for path in (tmp_path / "report").iterdir()}
    assert set(pictures) == {f"{n}.png" for n in ("curves", "confusion", "mistakes", "samples")}
    for picture in pictures.values():
        picture.load()
        assert min(picture.size) > 100
    assert not list(tmp_path.glob("*.part"))


def test_headline_says_what_was_counted(tmp_path):
    evaluation = random_evaluation(360, 10, 0.9)
    _, text, _ = report(tmp_path, evaluation, range(10), (8, 8, 1), history(90), steps_per_epoch=9)
    words = " ".join(Page(text).text).replace("\u2060", "")
    right = hits(evaluation, 1)
    low, high = wilson(right, 360)
    assert f"{right} of 360; 95% interval {100 * low:.1f}–{100 * high:.1f}%" in words
    for fact in ("61.7 k", "61,706", "1:15", "1,048", "1.0% of the time", "ab" * 32, "1.2.3"):
        assert fact in words
    assert json.loads(re.search(r"Config (\{.*\})", words, re.DOTALL)[1])["seed"] == 0


@pytest.mark.slow
def test_equal_runs_give_equal_pages(tmp_path):
    pages = [
        report(tmp_path / name, random_evaluation(9, 2, 0.5), "ab", (8, 8, 1), history(5))[1]
        for name in ("one", "two")
    ]
    assert pages[0] == pages[1]


def test_names_are_text_everywhere(tmp_path):
    names = ["<b>bold</b>", 'quote " & co', "$\\frac$ 数字", "x" * 200]
    _, text, _ = report(tmp_path, random_evaluation(30, 4, 0.2), names, (8, 8, 3), history(10),
                        config="<i>run</i>")  # fmt: skip
    assert "<b>" not in text
    assert "<i>" not in text
    assert "<b>bold</b>" in " ".join(Page(text).text)


@pytest.mark.slow
def test_nan_predictions_are_the_worst_and_do_not_break_the_page(tmp_path):
    evaluation = random_evaluation(20, 3, 0.5)
    for array in (evaluation.losses, evaluation.label_probabilities):
        array[7] = np.nan
    evaluation.top_probabilities[7] = np.nan
    evaluation.top_classes[7] = -1
    assert worst(evaluation, 3)[0].index == evaluation.indices[7]
    rows = [*history(10), {"step": 11, "split": "train", "loss": None, "top1": 0.5, "top5": 1.0}]
    _, text, _ = report(tmp_path, evaluation, "abc", (8, 8, 1), rows)
    assert "said to be nothing" in text
    Page(text)


def test_no_test_example_is_one_clear_error(tmp_path):
    empty = random_evaluation(0, 3)
    with pytest.raises(UserError, match="--data.test-fraction"):
        report(tmp_path, empty, "abc", (8, 8, 1), [])


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "report").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="cannot write the report"):
        save(tmp_path, "<html>", {"curves": b"png"})


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_rare_mistakes_are_seen_beside_a_strong_diagonal(theme):
    matrix = np.array([[990, 10, 0], [0, 1000, 0], [1, 0, 999]])
    picture = colors(*row_shares(matrix), theme)
    empty = picture[0, 2]
    for cell in (picture[0, 1], picture[2, 0], picture[0, 0]):
        assert abs(cell - empty).sum() > 0.3
    assert abs(picture[0, 0] - picture[0, 1]).sum() > 0.5


@pytest.mark.parametrize("size", [2, NUMBERED + 1, NAMED + 1, 1000])
def test_matrix_of_any_size_has_a_usable_picture(size):
    matrix = np.random.default_rng(0).poisson(0.2, (size, size)) + 10 * np.eye(size, dtype=int)
    data = draw_matrix(matrix, [f"class {i}" for i in range(size)])
    assert data.startswith(b"\x89PNG")
    assert len(data) < 2**20


@pytest.mark.parametrize(
    "rows",
    [
        [],
        history(5, ("train",)),
        history(600),
        [{"step": 3, "split": "test", "loss": 0.0, "top1": 0.0, "top5": 0.0}],
        [{"step": 3, "split": "train", "loss": float("nan"), "top1": None, "learning_rate": 0.0}],
    ],
    ids=["empty", "one", "many", "zeros", "nan"],
)
def test_curves_of_any_history(rows):
    assert draw_panels(list(PANELS), rows, 0).startswith(b"\x89PNG")


def test_series_leaves_out_what_is_missing():
    rows = [
        {"step": 1, "split": "train", "loss": 1.0},
        {"step": 2, "split": "train", "loss": None},
        {"step": 3, "split": "train"},
        {"step": 4, "split": "val", "loss": 2.0},
        {"step": 5, "split": "train", "loss": float("inf")},
    ]
    steps, values = series(rows, "train", "loss")
    assert (steps.tolist(), values.tolist()) == ([1.0], [1.0])


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(0.99999, 2, "99.99%"), (1.0, 2, "100.00%"), (0.125, 1, "12.5%"), (0.0, 0, "0%")],
)
def test_percent_does_not_round_up_to_all(share, digits, text):
    assert percent(share, digits) == text


def test_environment_names_versions_but_nobody():
    found = environment()
    assert {"python", "jax", "jaxlib", "flax", "optax", "numpy", "devices", "cpu cores"} <= set(
        found
    )
    assert found["devices"] == "8 x cpu"
    text = json.dumps(found)
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text


def test_commit_with_and_without_changes(tmp_path):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", tmp_path, *identity, *words], check=True, capture_output=True)

    assert commit(tmp_path) == ""
    git("init")
    (tmp_path / "file").write_text("1")
    git("add", ".")
    git("commit", "-m", "x")
    assert re.fullmatch("[0-9a-f]{12}", commit(tmp_path))
    (tmp_path / "file").write_text("2")
    assert commit(tmp_path).endswith(" with changes")
