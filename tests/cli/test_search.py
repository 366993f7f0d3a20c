"""`jaxcnn search`: a small network with random weights on small images."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxcnn.cli.search import build as building
from jaxcnn.images import read
from jaxcnn.retrieval import Index
from tests.cli.lenet import save_lenet
from tests.cli.photographs import run
from tests.cli.test_explain import Page

DRAW = np.random.default_rng(0)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Options for a LeNet-5 of three classes."""
    folder = tmp_path_factory.mktemp("run")
    save_lenet(folder, DRAW, final=0.3, other=0.4)
    return folder


@pytest.fixture
def images(tmp_path):
    """Six images in two folders, each beside a brighter copy, and a file that is none."""
    folder = tmp_path / "images"
    for i in range(6):
        pixels = DRAW.integers(0, 200, (8, 8), dtype=np.uint8).repeat(5, 0).repeat(5, 1)
        for copy, change in (("a", 0), ("b", 12)):
            place = (
                folder
                / ("left" if i < 3 else "right")
                / f"10{i:02}{'00' if copy == 'a' else '01'}.png"
            )
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels + np.uint8(change)).save(place)
    (folder / "broken.png").write_text("no image")
    return folder


def words_of(network, tmp_path, *more, pool="code", weights="final.npz"):
    words = ["--model", "lenet5", "--weights", network / weights, "--at", "conv1", "--pool", pool]
    return [*words, "--index", tmp_path / "index", "--batch-size", "4", *more]


def built(capsys, network, images, tmp_path, *more, code=1, pool="code"):
    words = ["search", "build", images, *words_of(network, tmp_path, *more, pool=pool), "--json"]
    return json.loads(run(capsys, *words, code=code)[0])


def test_build_says_what_it_did_and_goes_on_where_it_was(
    capsys, monkeypatch, network, images, tmp_path
):
    monkeypatch.setattr(building, "SAVED", 4)
    add, calls = Index.add, []

    def interrupted(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return add(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Index, "add", interrupted)
        run(capsys, "search", "build", images, *words_of(network, tmp_path), code=130)
    first = len(Index.open(tmp_path / "index"))
    assert first in (3, 4)  # with or without the broken one
    found = built(capsys, network, images, tmp_path)
    assert (found["count"], found["added"], found["unchanged"]) == (12, 12 - first, first)
    assert [row["file"] for row in found["skipped"]] == [str(images / "broken.png")]
    (images / "broken.png").unlink()
    Image.open(images / "left/100000.png").rotate(90).save(images / "left/100000.png")
    (images / "right/100301.png").rename(images / "right/copy.png")
    (images / "left/100100.png").unlink()
    found = built(capsys, network, images, tmp_path, "--prune", code=0)
    counts = {key: found[key] for key in ("count", "added", "changed", "unchanged", "removed")}
    assert counts == {"count": 11, "added": 1, "changed": 1, "unchanged": 9, "removed": 2}


def test_equal_and_nearly_equal_images_are_told(capsys, network, images, tmp_path):
    (images / "again.png").write_bytes((images / "left/100000.png").read_bytes())
    found = built(capsys, network, images, tmp_path, "--near", "0.99999")
    assert [sorted(name.rpartition("/")[2] for name in g) for g in found["equal"]] == [
        ["100000.png", "again.png"]
    ]
    assert any(
        {"again.png", "100000.png"} <= {n.rpartition("/")[2] for n in g} for g in found["near"]
    )


def test_query_finds_the_copy_and_draws_it(capsys, network, images, tmp_path):
    built(capsys, network, images, tmp_path)
    index = ["--index", tmp_path / "index", "--batch-size", "4"]
    places = [images / "left/100100.png", images / "right/100401.png", images / "broken.png"]
    made = ["--picture", tmp_path / "sheet.png", "--page", tmp_path / "page.html"]
    out, err = run(
        capsys, "search", "query", *places, *index, *made, "--top", "3", "--json", code=1
    )
    assert "broken.png" in err
    found = json.loads(out)
    names = [[m["file"].rpartition("/")[2] for m in q["found"]] for q in found["queries"]]
    assert [row[:2] for row in names] == [
        ["100100.png", "100101.png"], ["100401.png", "100400.png"],
    ]  # fmt: skip
    cosines = [match["cosine"] for match in found["queries"][0]["found"]]
    assert cosines[0] == pytest.approx(1, abs=1e-5)
    assert cosines == sorted(cosines, reverse=True)
    assert read(tmp_path / "sheet.png").shape[1] == 12 + 4 * (144 + 12)
    page = Page((tmp_path / "page.html").read_text())
    assert len(page.sources) == 2 * 4
    assert all(source.startswith("data:image/") for source in page.sources)
    assert "100101.png" in page.text
    text, _ = run(capsys, "search", "query", places[0], *index, "--top", "2", "--expand", "2")
    assert text.splitlines()[0] == str(places[0])
    assert "100101.png" in text.splitlines()[2]


def test_approximate_search_is_of_the_index_as_it_was_prepared(capsys, network, images, tmp_path):
    pytest.importorskip("faiss", reason="pip install 'jaxcnn[search]'")
    found = built(capsys, network, images, tmp_path, "--approximate")
    assert found["approximate_recall"] >= 0.98
    words = ["--index", tmp_path / "index", "--batch-size", "4", "--top", "2", "--approximate"]
    query = ["search", "query", images / "left/100100.png", *words]
    (one,) = json.loads(run(capsys, *query, "--expand", "1", "--json")[0])["queries"]
    assert [m["file"].rpartition("/")[2] for m in one["found"]] == ["100100.png", "100101.png"]
    (images / "left/100200.png").unlink()
    built(capsys, network, images, tmp_path, "--prune")
    assert "has changed since" in run(capsys, *query, code=2)[1]


def test_pca_is_fitted_on_other_images(capsys, network, images, tmp_path):
    held_out = tmp_path / "held_out"
    held_out.mkdir()
    for i in range(8):
        Image.fromarray(DRAW.integers(0, 255, (40, 40), dtype=np.uint8)).save(held_out / f"{i}.png")
    options = ["--fit", held_out, "--dims", "3"]
    assert built(capsys, network, images, tmp_path, *options, pool="rmac")["dims"] == 3
    found = built(capsys, network, images, tmp_path, pool="rmac")  # the index keeps its axes
    assert found["unchanged"] == 12
    words = [images / "left/100100.png", "--index", tmp_path / "index", "--top", "1", "--json"]
    (one,) = json.loads(run(capsys, "search", "query", *words)[0])["queries"]
    assert one["found"][0]["cosine"] == pytest.approx(1, abs=1e-5)
    words = words_of(network, tmp_path, "--fit", held_out, "--dims", "2", pool="rmac")
    _, err = run(capsys, "search", "build", images, *words, code=2)
    assert "vectors of 3 coordinates" in err


def test_evaluation_by_folders_and_by_names(capsys, network, images, tmp_path):
    (images / "broken.png").unlink()
    built(capsys, network, images, tmp_path, code=0)
    index = ["--index", tmp_path / "index"]
    page = tmp_path / "report.html"
    out, _ = run(capsys, "search", "eval", *index, "--page", page, "--json")
    found = json.loads(out)
    assert found["queries"] == 12
    assert 0.4 < found["mAP"] < 1
    assert "recall@10" in found
    assert "left/" in Page(page.read_text()).text + "left/"
    found = json.loads(run(capsys, "search", "eval", *index, "--protocol", "holidays", "--json")[0])
    assert (found["queries"], found["mAP"]) == (6, 1)  # each finds its copy first
    text, _ = run(capsys, "search", "eval", *index, "--protocol", "holidays", "--at", "1")
    assert "precision@1  100.00%" in text
    _, err = run(capsys, "search", "eval", *index, "--protocol", "ukbench", code=2)
    assert "are not of this set" in err


def test_oxford_cuts_its_queries_out_and_leaves_junk_aside(capsys, network, images, tmp_path):
    (images / "broken.png").unlink()
    built(capsys, network, images, tmp_path, code=0)
    truth = tmp_path / "truth"
    truth.mkdir()
    texts = {"query": "oxc1_100000 0 0 40 40", "good": "100001", "ok": "", "junk": "100000"}
    for kind, text in texts.items():
        (truth / f"one_{kind}.txt").write_text(text)
    words = ["--index", tmp_path / "index", "--protocol", "oxford", "--truth", truth, "--json"]
    found = json.loads(run(capsys, "search", "eval", *words)[0])
    assert (found["queries"], found["mAP"]) == (1, 1)
    (truth / "one_good.txt").write_text("elsewhere")
    assert "1 images of the benchmark are not" in run(capsys, "search", "eval", *words, code=2)[1]


def test_another_network_is_refused_with_both_fingerprints(capsys, network, images, tmp_path):
    built(capsys, network, images, tmp_path)
    other = words_of(network, tmp_path, weights="other.npz")
    _, err = run(capsys, "search", "build", images, *other, code=2)
    assert "made otherwise" in err
    assert err.count("variables: ") == 1
    assert "here, there" in err
    _, err = run(
        capsys, "search", "build", images, *words_of(network, tmp_path, pool="mac"), code=2
    )
    assert "pool: 'mac' here, there 'code'" in err
    weights = network / "final.npz"
    whole = weights.read_bytes()
    try:
        weights.write_bytes((network / "other.npz").read_bytes())  # trained on, since
        query = [images / "left/100100.png", "--index", tmp_path / "index"]
        assert "variables: " in run(capsys, "search", "query", *query, code=2)[1]
    finally:
        weights.write_bytes(whole)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["build", "{}/empty"], "holds no images"),
        (["build", "{}", "--dims", "3"], "--fit and --dims go together"),
        (["build", "{}", "--near", "2"], "--near=2.0: must lie in (0, 1]"),
        (["query", "{}/x.png", "--top", "0"], "--top=0"),
        (["query", "{}/x.png", "--picture", "{}/x.gif"], "must end in .png"),
        (["query", "{}/x.png", "--index", "{}/no"], "is no index"),
        (["eval", "--index", "{}/no"], "is no index"),
        (["eval", "--protocol", "oxford"], "--protocol oxford and --truth go together"),
    ],
)
def test_errors_are_told_in_a_line(capsys, tmp_path, words, message):
    (tmp_path / "empty").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    _, err = run(capsys, "search", *[word.replace("{}", str(tmp_path)) for word in words], code=2)
    assert err.startswith("error: ")
    assert message in err


def test_more_than_there_is_and_damage_are_told(capsys, network, images, tmp_path):
    built(capsys, network, images, tmp_path)
    query = ["search", "query", images / "left/100100.png", "--index", tmp_path / "index"]
    assert "the index has 12 images" in run(capsys, *query, "--top", "13", code=2)[1]
    (file,) = (tmp_path / "index").glob("vectors-*")
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\0")
    _, err = run(capsys, *query, code=2)
    assert file.name in err
    assert "another content" in err


def test_help_names_the_three_commands(capsys):
    out, _ = run(capsys, "search", "--help")
    assert all(name in out for name in ("build", "query", "eval"))
