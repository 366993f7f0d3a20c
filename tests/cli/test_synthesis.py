"""Commands that make images, on a small network: pictures, films, errors, Ctrl-C."""

import jax
import numpy as np
import pytest
from PIL import Image

from jaxcnn.cli.synthesis import film as filming
from jaxcnn.cli.synthesis.film import Film
from jaxcnn.images import read
from jaxcnn.synthesis import Frame
from tests.cli.lenet import save_lenet
from tests.cli.photographs import run

PIXELS = np.random.default_rng(0)
CLASSES = ("tabby cat", "dog", "black-and-tan dog")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Options for a LeNet-5 of three classes, and a colour photograph on its side."""
    folder = tmp_path_factory.mktemp("run")
    save_lenet(folder, PIXELS, final=0.2)
    (folder / "names.txt").write_text("\n".join(CLASSES))
    image = folder / "photo.webp"
    Image.fromarray(PIXELS.integers(0, 255, (40, 36, 4), dtype=np.uint8)).save(image)
    words = ["--model", "lenet5", "--weights", folder / "final.npz"]
    return [*words, "--classes", folder / "names.txt"], image


@pytest.mark.slow
def test_attack(capsys, small, tmp_path):
    words, image = small
    told = []
    for target in CLASSES:
        out = tmp_path / f"{target}.png"
        options = ["--target", target, "--eps", "128/255", "--steps", "8", "--output", out]
        picture = tmp_path / "compared.jpg"
        text, _ = run(capsys, "attack", image, *words, *options, "--picture", picture)
        told.append(target in text.splitlines()[1])
        assert read(out, mode="auto").shape == (32, 32, 1)
        assert read(picture).shape[1] > 3 * 32
    assert all(told)
    text, err = run(
        capsys, "attack", image, *words, "--eps", "0", "--output", tmp_path / "same.png", code=1
    )
    assert "did not succeed" in err
    assert "largest change 0/255, Euclidean 0.000" in text


@pytest.mark.slow
def test_pictures_and_films(capsys, small, tmp_path):
    words, image = small
    steps = ["--steps", "4"]
    cases = {
        "visualize": ["--class", "dog", "tabby cat", "--film", tmp_path / "film.gif"],
        "invert": [image, "--at", "conv1", "conv2"],
        "dream": [image, "--at", "conv2", "--octaves", "2", "--size", "90"],
        "style": [image, image, "--content-at", "conv2", "--style-at", "conv1", "conv2"],
    }
    for command, options in cases.items():
        out = tmp_path / f"{command}.png"
        text, _ = run(capsys, command, *options, *words, *steps, "--output", out)
        assert str(out) in text
    sizes = {command: read(tmp_path / f"{command}.png").shape for command in cases}
    assert sizes == {
        "visualize": (40, 76, 3),
        "invert": (76, 76, 3),
        "dream": (100, 90, 3),
        "style": (40, 36, 3),
    }
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames >= 2
        assert film.size == (76, 40)
    again = tmp_path / "again.png"
    for seed, same in (("0", True), ("1", False)):
        run(capsys, "visualize", "--class", "1", "0", *words, *steps, "--seed", seed,
            "--output", again)  # fmt: skip
        assert (read(again) == read(tmp_path / "visualize.png")).all() == same


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["attack", "{}", "--eps", "-1/255"], "--eps='-1/255': must be >= 0"),
        (["attack", "{}", "--eps", "much"], "--eps='much': must be a number"),
        (["attack", "{}", "--output", "a.jpg"], "must end in .png"),
        (["attack", "{}", "--method", "lbfgs"], "is needed by lbfgs"),
        (["attack", "{}", "--target", "tabby dog"], "did you mean 'tabby cat'?"),
        (["attack", "none.png"], "none.png does not exist"),
        (["visualize"], "give either classes or channels"),
        (["visualize", "--class", "3"], "index in 0..2"),
        (["visualize", "--class", "1", "--steps", "0"], "--steps=0: must be >= 1"),
        (["visualize", "--class", "1", "--film", "a.avi"], "must end in .gif, .mp4"),
        (["visualize", "--class", "1", "--output", "none/a.png"], "mkdir -p none"),
        (["visualize", "--at", "conv3", "--channels", "0"], "nearest: 'conv"),
        (["visualize", "--at", "conv2", "--channels", "99"], "0 to 15"),
        (["visualize", "--class", "1", "--size", "48"], "a size that the network does not take"),
        (["invert", "{}", "--at", "con2"], "nearest: 'con"),
        (["dream", "{}"], "name='lenet5': has no preset"),
        (["dream", "{}", "--at", "conv2", "--octaves", "0"], "octaves=0: must be >= 1"),
        (["dream", "{}", "--at", "conv2", "--size", "4"], "--size=4: must be >= 16"),
        (["style", "{}", "{}", "--content-at", "conv1"], "has no preset"),
    ],
)
def test_errors_are_told_in_a_line(capsys, small, tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    words, image = small
    said = [str(image) if word == "{}" else word for word in given]
    _, err = run(capsys, *said, *words, code=2)
    assert err.startswith("error: ")
    assert message in err
    assert not list(tmp_path.iterdir())


def test_ctrl_c_keeps_the_last_frame_and_the_film(capsys, tmp_path):
    output, film = tmp_path / "last.png", tmp_path / "film.gif"
    taken = Film(output, film)

    def work():
        for done in (1, 2):
            images = jax.numpy.full((1, 8 * done, 6 * done, 3), done / 10)
            taken(Frame(done, 9, images, np.ones((1, 1))))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), taken.running():
        work()
    assert (read(output) == 51).all()
    with Image.open(film) as frames:
        assert (frames.n_frames, frames.size) == (2, (12, 16))
    assert f"the last frame is in {output}" in capsys.readouterr().err


def test_films_as_video(tmp_path):
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "film.mp4"
    filming.write_mp4(path, [np.full((33, 20, 3), v, np.uint8) for v in (0, 128, 255)])
    video = cv2.VideoCapture(str(path))
    found = []
    while (read_one := video.read())[0]:
        found.append(read_one[1])
    assert len(found) == 3
    assert found[0].shape == (32, 20, 3)
    np.testing.assert_allclose([frame.mean() for frame in found], [0, 128, 255], atol=6)
