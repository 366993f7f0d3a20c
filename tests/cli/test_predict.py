"""`jaxcnn predict` with real weights on real photographs."""

import io
import json
import sys

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict
from PIL import Image

from jaxcnn import create_model, load_pretrained
from jaxcnn.cli import progress
from jaxcnn.images import ImageError, ImageTransform, read
from jaxcnn.images.files import image_files
from jaxcnn.inference import Batch
from jaxcnn.weights import predict, save_torch, weight_set
from jaxcnn.weights.local import load_own
from jaxcnn.weights.predict import batches
from tests.cli.photographs import CHINA, DAISY, FLOWER, PALACE, run, run_json
from tests.cli.photographs import loaded_once as loaded_once

pytestmark = pytest.mark.usefixtures("loaded_once")


def test_text_has_a_block_an_image_with_aligned_columns(capsys, tmp_path):
    picture = tmp_path / "found.png"
    out, err = run(capsys, "predict", CHINA, FLOWER, "--top", "2", "--picture", picture)
    china, flower, last = out.strip().split("\n\n")
    assert china.splitlines()[0] == str(CHINA)
    first, second = china.splitlines()[1:]
    assert first.split() == ["28.04%", "palace", str(PALACE)]
    assert second.split()[1:3] == ["bell", "cote"]
    assert first.index("698") == second.index("442") == flower.splitlines()[1].index("985")
    assert last == f"wrote {picture}"
    assert err == ""
    drawn = read(picture)
    assert drawn.shape[0] > 2 * 224
    blue = (drawn == (45, 113, 178)).all(-1)
    assert blue.any(1).sum() >= 4 * 6  # four bars


def test_json_of_a_folder_with_images_of_every_kind(capsys, tmp_path):
    (tmp_path / "below").mkdir()
    china = Image.open(CHINA)
    china.save(tmp_path / "a.png")
    china.convert("L").save(tmp_path / "below" / "grey.png")
    china.convert("RGBA").save(tmp_path / "below" / "alpha.webp", lossless=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    china.rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif, quality=97)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.jpg").write_text("no image")
    found = run_json(capsys, "predict", tmp_path)
    assert (found["model"], found["weights"]) == ("efficientnet_lite0", "IMAGENET1K_V1")
    assert found["skipped"] == []
    files = [image["file"].removeprefix(f"{tmp_path}/") for image in found["images"]]
    assert files == ["a.png", "turned.jpg", "below/alpha.webp", "below/grey.png"]
    for image in found["images"]:
        shares = [guess["probability"] for guess in image["top"]]
        assert len(shares) == 5
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1
    tops = [image["top"][0] for image in found["images"]]
    assert [top["class"] for top in tops[:3]] == [PALACE] * 3
    assert tops[0]["name"] == "palace"
    same = [top["probability"] for top in tops[:3]]
    np.testing.assert_allclose(same, same[0], atol=0.02)  # the JPEG was compressed anew


def test_what_cannot_be_read_is_told_and_skipped_with_code_1(capsys, tmp_path):
    broken, cut = tmp_path / "broken.jpg", tmp_path / "cut.jpg"
    broken.write_text("no image")
    cut.write_bytes(CHINA.read_bytes()[:9000])
    found = run_json(capsys, "predict", broken, CHINA, cut, FLOWER, code=1)
    assert [image["top"][0]["class"] for image in found["images"]] == [PALACE, DAISY]
    assert [entry["file"] for entry in found["skipped"]] == [str(broken), str(cut)]
    assert "truncated" in found["skipped"][1]["reason"]


def test_skipped_files_are_listed_on_stderr(capsys, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_text("no image")
    _, err = run(capsys, "predict", broken, CHINA, "--batch-size", "2", code=1)
    assert "skipped 1 unreadable images:" in err
    assert "broken.jpg is not an image" in err


@pytest.mark.slow
def test_results_do_not_depend_on_the_batch_they_are_in():
    model, variables, meta = load_pretrained("efficientnet_lite0")
    five = [CHINA, FLOWER, CHINA, CHINA, FLOWER]
    found = predict(model, variables, meta, five, top=3, batch_size=2)
    assert found[0] == found[2]
    assert found[0] == found[3]
    assert [top[0].label for top in found] == [PALACE, DAISY, PALACE, PALACE, DAISY]
    logits = np.asarray(jax.jit(model.apply)(variables, meta.transforms([CHINA, FLOWER])))
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert found[0][0].probability == pytest.approx(shares[PALACE], rel=1e-4)


def test_batches_have_one_shape_and_keep_their_order():
    class Meta:
        transforms = ImageTransform(crop=2, resize=2, mean=(0,) * 3, std=(1,) * 3)
        categories = ()

    grey = [np.full((2, 2, 3), value, np.uint8) for value in (0, 51, 102, 153, 204)]
    images = [*grey[:2], b"damaged", *grey[2:]]
    model = create_model("mlp", num_classes=2, hidden=(3,))
    variables = model.init(jax.random.key(0), np.zeros((1, 2, 2, 3), np.float32))
    found = list(batches(model, variables, Meta(), images, batch_size=4))
    assert [batch.indices for batch in found] == [[0, 1, 3], [4, 5]]
    assert [list(batch.errors) for batch in found] == [[2], []]
    want = model.apply(variables, Meta.transforms(grey), train=False)
    np.testing.assert_allclose(np.concatenate([b.logits for b in found]), want, rtol=1e-5)
    with pytest.raises(ImageError):
        predict(model, variables, Meta(), images, top=1, batch_size=4)
    named = predict(model, variables, Meta(), grey, top=2, batch_size=4)
    assert {guess.name for guess in named[0]} == {"0", "1"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{}/*.jpg"], "*.jpg: no file matches"),
        (["{}"], "holds no images"),
        (["{}/no.jpg", "{}/no.png"], "2 of the places hold no images"),
        ([], "no image is given"),
        (["{china}", "--model", "efficientnet_lite9"], "did you mean"),
        (["{china}", "--model", "lenet5"], "no weights are known"),
        (["{china}", "--tag", "V7"], "there are no weights 'V7'"),
        (["{china}", "--top", "0"], "--top=0: must be >= 1"),
        (["{china}", "--top", "1001", "--batch-size", "2"], "must be in 1..1000"),
        (["{china}", "--batch-size", "0"], "--batch-size=0: must be >= 1"),
        (["{china}", "--picture", "{}/no/x.png"], "must be in a folder that exists"),
        (["{china}", "--picture", "{}/x.gif"], "must end in .png"),
        (["{china}", "--top", "9", "--picture", "{}/x.png"], "has room for 8"),
        (["{china}", "--classes", "{}/names.txt"], "--weights"),
    ],
)
def test_errors_are_told_in_a_line(capsys, tmp_path, words, message):
    words = [word.replace("{}", str(tmp_path)).replace("{china}", str(CHINA)) for word in words]
    _, err = run(capsys, "predict", *words, code=2)
    assert err.startswith("error: ")
    assert message.lower() in err.lower()


def test_nothing_readable_is_an_error(capsys, tmp_path):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_text("no image")
    _, err = run(capsys, "predict", tmp_path, "--batch-size", "2", code=2)
    assert "none of 2 images can be read" in err
    _, err = run(capsys, "predict", tmp_path / "a.jpg", code=2)
    assert "a.jpg is not an image" in err


def test_places_are_files_folders_and_patterns_each_file_once(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.jpg", "a.PNG", "sub/c.webp", "odd[1].jpg", "plain"):
        (tmp_path / name).touch()
    names = lambda *places: [  # noqa: E731
        path.relative_to(tmp_path).as_posix() for path in image_files(places)
    ]
    assert names(tmp_path) == ["a.PNG", "b.jpg", "odd[1].jpg", "sub/c.webp"]
    assert names(f"{tmp_path}/**/*.webp", f"{tmp_path}/sub") == ["sub/c.webp"]
    assert names(tmp_path / "odd[1].jpg", tmp_path / "plain") == ["odd[1].jpg", "plain"]


def test_progress_is_for_terminals_alone(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    found = [Batch([0, 1], np.zeros((2, 3)), {}), Batch([2], np.zeros((1, 3)), {})]
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(progress.shown(found, 3)) == found
    assert "2 of 3 images" in sys.stderr.getvalue()
    assert sys.stderr.getvalue().endswith("\r\033[K")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert list(progress.shown(found, 3)) == found
    assert sys.stderr.getvalue() == ""


def test_weights_of_a_run_of_the_lab(capsys, tmp_path):
    config = {
        "model": {"name": "lenet5", "fields": {}},
        "data": {"image_size": 32, "channels": 1, "mean": [0.5], "std": [0.5]},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    bias = np.array([0, 9, 0], np.float32)
    model = create_model("lenet5", num_classes=3)
    arrays = constant_arrays(model, (1, 32, 32, 1))
    np.savez(tmp_path / "final.npz", **arrays | {"params/head/bias": bias})
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\nfish\n")
    words = ["predict", CHINA, FLOWER, "--model", "lenet5", "--top", "1", "--weights"]
    found = run_json(capsys, *words, tmp_path / "final.npz", "--classes", names)
    assert [image["top"][0]["name"] for image in found["images"]] == ["dog", "dog"]


@pytest.mark.parametrize(
    ("name", "change", "categories", "message"),
    [
        ("lenet5", {}, ("cat", "dog"), "3 classes, but 2 names"),
        ("lenet1", {}, (), "the run trained 'lenet5', not 'lenet1'"),
        ("lenet5", {"image_size": 0}, (), "the run took images in the size they had"),
        ("lenet5", {"image_size": 64}, (), "is of another network than lenet5"),
        ("lenet5", None, (), "there is no config of a run"),
    ],
)
def test_weights_of_a_run_that_do_not_fit(tmp_path, name, change, categories, message):
    data = {"image_size": 32, "channels": 1, "mean": [0.5], "std": [0.5]}
    if change is not None:
        config = {"model": {"name": "lenet5", "fields": {}}, "data": data | change}
        (tmp_path / "config.json").write_text(json.dumps(config))
    arrays = constant_arrays(create_model("lenet5", num_classes=3), (1, 32, 32, 1))
    np.savez(tmp_path / "final.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_own(name, tmp_path / "final.npz", categories)


def test_weights_of_ones_own_under_names_of_pytorch(tmp_path):
    arrays = constant_arrays(create_model("squeezenet1_1", num_classes=4), (1, 64, 64, 3))
    arrays["params/head/bias"][2] = 5
    path = tmp_path / "mine.safetensors"
    save_torch("squeezenet1_1", unflatten_dict(arrays, sep="/"), path, num_classes=4)
    model, variables, meta = load_own("squeezenet1_1", path)
    assert model.num_classes == 4
    assert variables["params"]["head"]["bias"].tolist() == [0, 0, 5, 0]
    assert meta.transforms == weight_set("squeezenet1_1").transforms
    assert (meta.tag, meta.categories) == ("mine.safetensors", ("0", "1", "2", "3"))


def constant_arrays(model, shape):
    shapes = jax.eval_shape(model.init, jax.random.key(0), np.zeros(shape, np.float32))
    flat = flatten_dict(dict(shapes), sep="/")
    return {name: np.zeros(leaf.shape, np.float32) for name, leaf in flat.items()}


@pytest.mark.slow
def test_an_exported_network_says_what_the_network_says(capsys, tmp_path):
    pytest.importorskip("flatbuffers", reason="pip install 'jaxcnn[export]'")
    file = tmp_path / "lite0.jaxcnn"
    out, _ = run(capsys, "export", "efficientnet_lite0", "--output", file)
    assert out.startswith(f"wrote {file}, ")
    found = run_json(capsys, "predict", CHINA, FLOWER, "--program", file)
    assert found["model"] == "efficientnet_lite0"
    tops = [image["top"][0] for image in found["images"]]
    assert [top["class"] for top in tops] == [PALACE, DAISY]
    assert tops[0]["probability"] == pytest.approx(0.2804, abs=2e-4)
    _, err = run(capsys, "predict", CHINA, "--program", file, "--tag", "X", code=2)
    assert "--program holds a network with its weights and classes" in err
