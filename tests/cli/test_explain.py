"""`jaxcnn explain`: a small network with random weights, and the real one on real photographs."""

import json
import re
import sys
from html.parser import HTMLParser

import jax
import numpy as np
import pytest
from PIL import Image

from jaxcnn import create_model, explain
from jaxcnn.cli.explain import methods as naming
from jaxcnn.cli.explain import run as explaining
from jaxcnn.cli.explain.methods import ALIASES, chosen, methods, with_options
from jaxcnn.cli.explain.pictures import picture_of
from jaxcnn.cli.explain.run import shown_by
from jaxcnn.cli.explain.targets import asked
from jaxcnn.images import read
from jaxcnn.taps import Difference
from jaxcnn.weights import weight_set
from tests.cli.lenet import save_lenet
from tests.cli.photographs import DAISY, FLOWER, run

CLASSES = ("tabby cat", "dog", "black-and-tan dog")
PIXELS = np.random.default_rng(0)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Options for a LeNet-5 of three classes, and a folder of six images in two classes."""
    folder = tmp_path_factory.mktemp("run")
    save_lenet(folder, PIXELS, final=0.1)
    (folder / "names.txt").write_text("\n".join(CLASSES))
    images = folder / "images"
    for i in range(6):
        place = images / ("left" if i < 3 else "right") / f"{i % 3}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS.integers(0, 255, (40, 36, 3), dtype=np.uint8)).save(place)
    words = ["--model", "lenet5", "--weights", folder / "final.npz"]
    return [*words, "--classes", folder / "names.txt", "--batch-size", "4"], images


class Page(HTMLParser):
    """The sources of images and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.sources, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.sources += [value for key, value in attrs if key in ("src", "href", "srcset")]

    def handle_data(self, data):
        self.text += data + " "


def test_a_grid_for_each_image_and_one_page_that_needs_nothing_else(capsys, small, tmp_path):
    words, images = small
    (images / "broken.png").write_text("no image")
    options = ["--method", "saliency,grad-cam", "--at", "conv2", "--target", "black-and-tan dog"]
    out, err = run(
        capsys, "explain", images, *words, *options, "--output", tmp_path, "--json", code=1
    )
    (images / "broken.png").unlink()
    assert "broken.png" in err
    found = json.loads(out)
    assert len(found["images"]) == 6
    assert [row["file"] for row in found["skipped"]] == [str(images / "broken.png")]
    assert len({image["picture"] for image in found["images"]}) == 6
    for image in found["images"]:
        assert image["target"] == "black-and-tan dog"
        assert [m["method"] for m in image["methods"]] == ["saliency", "grad_cam"]
        assert all("99th percentile" in m["normalisation"] for m in image["methods"])
        height, width, _ = read(image["picture"]).shape
        assert height > 224
        assert width == 12 + 3 * (224 + 12)
    page = Page((tmp_path / "index.html").read_text())
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)
    for text in ("Selvaraju et al. 2017", "saliency", "99th percentile", *CLASSES, "0.png"):
        assert text in page.text


def test_the_chapter(capsys, small, tmp_path):
    words, images = small
    options = ["--filters", "--feature-maps", "conv1", "--units", "conv2", "--channels", "0", "3"]
    options += ["--directions", "conv2", "--embedding", "last"]
    out, _ = run(capsys, "explain", images, *words, *options, "--output", tmp_path)
    names = {path.name for path in tmp_path.glob("*.png")}
    maps = {f"{i}-maps{n}.png" for i in range(3) for n in ("", "-2")}
    rest = {"filters", "units", "directions", "embedding-pca", "embedding-t-sne"}
    assert names == maps | {f"{name}.png" for name in rest}
    assert all(str(tmp_path / name) in out for name in names)
    text = Page((tmp_path / "index.html").read_text()).text
    for words in ("6 filters of 5x5x1", "14x14 at most", "perplexity 1.67", "of the variance"):
        assert words in text
    units = read(tmp_path / "units.png")
    assert units.shape[1] == 12 + 6 * (112 + 12)  # a row has six images, for there are no more


def test_filters_alone_need_no_image(capsys, small, tmp_path):
    run(capsys, "explain", *small[0], "--filters", "--output", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"filters.png", "index.html"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "grad_cm"], "nearest: grad_cam"),
        (["--method", "occlusoin"], "nearest: occlusion"),
        (["--method", "grad_cam", "--at", "conv3"], "is no place of this model; nearest: 'conv"),
        (["--units", "con2"], "nearest: 'conv2'"),
        (["--units", "conv2", "--channels", "16"], "conv2 has 16, from 0"),
        (["--target", "tabby dog"], "did you mean 'tabby cat'?"),
        (["--target", "3"], "index in 0..2"),
        (["--target", "top4"], "'top4'"),
        (["--target", "dog-cow"], "'cow'"),
        (["--options", "ig.stps=3"], "nearest: integrated_gradients.steps"),
        (["--options", "rise.samples=3"], "is no METHOD.OPTION=VALUE of the methods that run"),
        (["--options", "ig.steps=3,"], "is no JSON"),
        (["--options", "ig.steps=0"], "steps=0"),
        (["--batch-size", "0"], "--batch-size=0"),
        (["--output", "{}"], "holds images that are explained"),
    ],
)
def test_errors_are_told_in_a_line(capsys, small, tmp_path, options, message):
    words, images = small
    given = [
        "--output",
        tmp_path,
        *(option.replace("{}", str(images / "left")) for option in options),
    ]
    _, err = run(capsys, "explain", images / "left" / "0.png", *words, *given, code=2)
    assert err.startswith("error: ")
    assert message in err


def test_methods_need_an_image(capsys, tmp_path):
    _, err = run(capsys, "explain", "--output", tmp_path, code=2)
    assert "no image is given" in err


def test_a_missing_extra_names_the_line_to_run(capsys, small, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "jaxcnn.cli.explain.projections", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    words, images = small
    given = ["--embedding", "last", "--output", tmp_path]
    _, err = run(capsys, "explain", images, *words, *given, code=2)
    assert "pip install 'jaxcnn[cli]'" in err
    assert not list(tmp_path.iterdir())  # it is said before the work begins


def test_every_method_is_found_with_its_source():
    found = methods()
    assert {"grad_cam", "occlusion", "saliency", "integrated_gradients", "rise"} <= set(found)
    assert not {"filters", "embed", "completeness_error", "top_activations"} & set(found)
    for method in found.values():
        assert getattr(explain, method.name) is method.function
        assert re.search(r"\d{4}$", method.paper), method.name
    assert set(ALIASES.values()) <= set(found)
    assert [m.name for m in chosen("IG, ig,gradcam")] == ["integrated_gradients", "grad_cam"]
    assert len(chosen("all")) == len(found)


def test_options_reach_their_method():
    wanted = chosen("occlusion,ig,grad_cam")
    words = ["ig.steps=8", "occlusion.window=[4,6]"]
    assert with_options(words, wanted, "conv1", 64) == {
        "occlusion": {"window": (4, 6)},
        "integrated_gradients": {"steps": 8},
        "grad_cam": {"at": "conv1"},
    }
    assert with_options([], chosen("occlusion"), None, 64) == {
        "occlusion": {"window": 16, "stride": 4}
    }


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("top1", 2, None),
        ("top3", 0, None),
        ("1", 1, None),
        ("dog", 1, None),
        ("black-and-tan dog", 2, None),
        ("dog-black-and-tan dog", 1, 2),
        ("black-and-tan dog-tabby_cat", 2, 0),
        ("top1-top2", 2, 1),
        ("0-top1", 0, 2),
    ],
)
def test_targets(text, first, second):
    question = asked(text, "logit", CLASSES).of(np.array([0.0, 1.0, 2.0]))
    assert (question.first, question.second) == (first, second)
    logits = np.array([[5.0, 7.0, 11.0]])
    scores = {None: 0.0} | dict(enumerate(logits[0]))
    assert float(question.target(jax.numpy.asarray(logits))[0]) == scores[first] - scores[second]
    assert isinstance(question.target, Difference) == (second is not None)


def test_what_a_network_has_no_ground_for_is_left_out_of_all():
    model, x = create_model("mlp"), np.ones((1, 8, 8, 1), np.float32)
    variables = model.init(jax.random.key(0), x)
    given = (chosen("grad_cam"), {"grad_cam": {}}, model, variables, x, x[0].astype(np.uint8), 0)
    (shown,) = shown_by(*given, skip=True)
    assert shown.picture is None
    assert "convolution" in shown.refused
    with pytest.raises(ValueError, match="convolution"):
        shown_by(*given, skip=False)


def test_pictures_of_maps_state_their_normalisation():
    pixels = np.full((8, 8, 3), 100, np.uint8)
    signed = PIXELS.normal(size=(8, 8, 3))
    magnitude = picture_of("saliency", np.abs(signed[..., 0]), pixels)
    assert magnitude.note.startswith("colours from 0 to ")
    shares = picture_of("integrated_gradients", signed, pixels)
    assert shares.note.startswith("white 0, colours to ±")
    assert shares.scale is not None
    np.testing.assert_array_equal(shares.image, shares.scale(signed.astype(np.float32).sum(-1)))
    image = picture_of("guided_backprop", signed, pixels)
    assert image.note.startswith("grey 0, ")
    flat = picture_of("grad_cam", np.zeros((8, 8)), pixels)
    assert (flat.image == pixels).all()
    assert flat.note == "zero everywhere"


def test_progress_names_the_image_the_method_and_how_much_is_done(monkeypatch):
    told = []
    monkeypatch.setattr(explaining, "seen", lambda: True)
    monkeypatch.setattr(explaining, "tell", told.append)
    line = explaining.Line(3)
    line.begin(0, "a.png")
    line.method("occlusion")
    option = line.option(methods()["occlusion"])
    option["progress"](5, 10)
    assert told == ["a.png (1 of 3): occlusion", "a.png (1 of 3): occlusion, 5 of 10"]
    line.begin(1, "b.png")
    assert line.option(methods()["occlusion"]) == option  # hence the same program
    assert line.option(methods()["saliency"]) == {}


def test_superpixels_are_those_of_the_image(monkeypatch):
    x = np.zeros((1, 4, 4, 3))
    labels = np.ones((1, 4, 4), int)
    monkeypatch.setattr(explain, "superpixels", lambda x: labels)
    found = explaining.with_superpixels({"segments": "superpixels", "samples": 9}, x)
    assert found == {"segments": labels, "samples": 9}
    assert explaining.with_superpixels({"segments": 4}, x) == {"segments": 4}
    monkeypatch.setattr(naming, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="scikit-image"):
        with_options(["lime.segments=superpixels"], chosen("lime"), None, 64)


@pytest.mark.slow
def test_the_real_network_looks_at_the_flower(capsys, tmp_path):
    given = ["--method", "grad_cam", "--output", tmp_path, "--batch-size", "1", "--json"]
    (image,) = json.loads(run(capsys, "explain", FLOWER, *given)[0])["images"]
    assert image["top"][0]["class"] == DAISY
    assert image["target"] == weight_set("efficientnet_lite0").categories[DAISY]
    page = Page((tmp_path / "index.html").read_text())
    assert "efficientnet_lite0, weights IMAGENET1K_V1, 1 images" in page.text
    picture = read(image["picture"]).astype(int)
    photo, laid = (picture[54:278, left : left + 224] for left in (12, 12 + 224 + 12))
    changed = abs(laid - photo).mean(-1)
    centre = changed[56:168, 56:168].mean()
    assert centre > 1.3 * (changed.sum() - 112**2 * centre) / (224**2 - 112**2)
