"""`jaxcnn evaluate` with real weights: every image counts once, whatever its class is called."""

import shutil

import numpy as np
import pytest

from jaxcnn.images import ImageError
from jaxcnn.inference import Batch
from jaxcnn.weights import weight_set
from jaxcnn.weights.classes import class_indices
from jaxcnn.weights.evaluate import count, interval
from jaxcnn.weights.labelled import class_folders, label_file
from tests.cli.photographs import CHINA, DAISY, FLOWER, PALACE, run, run_json
from tests.cli.photographs import loaded_once as loaded_once

CATEGORIES = weight_set("efficientnet_lite0").categories

pytestmark = pytest.mark.usefixtures("loaded_once")


def put(folder, **files):
    """Copy photographs to `FOLDER/CLASS/NAME.jpg`, given as `CLASS__NAME=photograph`."""
    for place, source in files.items():
        path = folder / f"{place.replace('__', '/')}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)
    return folder


@pytest.mark.slow
def test_counts_are_exact_whatever_classes_are_called(capsys, tmp_path):
    folder = put(tmp_path, n03877845__a=CHINA, n03877845__deep__b=CHINA, daisy__c=FLOWER)
    put(folder, **{"442__d": CHINA, "Great_White_Shark__e": FLOWER})
    (folder / "daisy" / "broken.jpg").write_text("no image")
    found = run_json(capsys, "evaluate", "efficientnet_lite0", folder, code=1)
    seconds = found.pop("seconds")
    assert seconds > 0
    (skipped,) = found.pop("skipped")
    assert skipped["file"] == str(folder / "daisy" / "broken.jpg")
    assert found == {
        "model": "efficientnet_lite0",
        "weights": "IMAGENET1K_V1",
        "count": 5,
        "classes": 4,
        "hits1": 3,
        "hits5": 4,  # the bell cote comes second
        "top1": 0.6,
        "top5": 0.8,
        "published": {"top1": 0.751, "top5": None},
    }


def test_text_sets_the_published_figures_beside(capsys, tmp_path):
    (tmp_path / "val").mkdir()
    for name, source in (("val_1.jpg", CHINA), ("val_2.jpg", FLOWER)):
        shutil.copy(source, tmp_path / "val" / name)
    labels = tmp_path / "val.txt"
    labels.write_text(f"val_1.jpg {PALACE}\nval_2.jpg {PALACE}\nval_3.jpg {DAISY}\n")
    words = ["evaluate", "efficientnet_lite0", tmp_path / "val", "--labels", labels]
    out, err = run(capsys, *words, "--batch-size", "2")
    assert out.startswith("efficientnet_lite0.IMAGENET1K_V1 on 2 images of 1 classes (")
    top1, top5 = [line.split() for line in out.splitlines() if line.startswith("top-")]
    assert top1[1:3] == ["1", "50.000%"]
    assert top1[-1] == "75.100%"
    assert top5[-1] == "unknown"
    assert err == ""


def test_wordnet_ids_are_in_the_order_of_the_logits():
    known = {"n01440764": 0, "n02009912": 132, "n03877845": PALACE, "n11939491": DAISY}
    known |= {"n15075141": 999, "0": 0, "999": 999, "toilet tissue": 999}
    assert class_indices(known, CATEGORIES) == known
    assert [CATEGORIES[i] for i in (0, 132)] == ["tench", "American egret"]


def test_a_name_that_only_its_case_tells_apart_is_taken_as_written():
    dog, jacket = CATEGORIES.index("Cardigan"), CATEGORIES.index("cardigan")
    assert class_indices(["Cardigan", "cardigan"], CATEGORIES) == {
        "Cardigan": dog,
        "cardigan": jacket,
    }
    with pytest.raises(ValueError, match="'CARDIGAN'"):
        class_indices(["CARDIGAN"], CATEGORIES)


def test_every_category_is_known_by_its_name():
    assert list(class_indices(CATEGORIES, CATEGORIES).values()) == list(range(1000))


def test_wordnet_ids_mean_nothing_to_other_classes():
    with pytest.raises(ValueError, match=r"'n01440764'.*index in 0..1 or"):
        class_indices(["n01440764", "2"], ("cat", "dog"))


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (
            ".csv",
            "ImageId,PredictionString\na,n03877845 1 2 3 4 n03877845 5 6 7 8\nb,n11939491 1 2",
        ),
        (".csv", "a.jpg,palace\nsub/b.jpg,daisy\n\n"),
        (".tsv", "a.jpg\t698\nb.jpg\t985"),
        (".txt", "a.jpg   n03877845\nb.jpg n11939491\nelsewhere.jpg nonsense"),
    ],
)
def test_files_of_labels(tmp_path, suffix, text):
    folder = put(tmp_path / "val", a=CHINA, sub__b=FLOWER)
    path = tmp_path / f"labels{suffix}"
    path.write_text(text)
    files, labels = label_file(folder, path, CATEGORIES)
    assert [file.name for file in files] == ["a.jpg", "b.jpg"]
    assert labels == [PALACE, DAISY]


@pytest.mark.slow
def test_hits_are_counted_of_the_images_that_were_read():
    logits = np.zeros((3, 9), np.float32)
    logits[0, 4] = logits[1, 8] = logits[2, 0] = 1
    found = [
        Batch([0, 2], logits[:2], {1: ImageError("1")}),
        Batch([], np.zeros((0, 1), np.float32), {3: ImageError("3")}),
        Batch([4], logits[2:], {}),
    ]
    got = count(found, [4, 4, 0, 4, 7])
    assert (got.count, got.hits1, got.hits5) == (3, 1, 2)
    assert sorted(got.errors) == [1, 3]


def test_the_interval_holds_the_share_and_narrows():
    for hits, number in ((0, 1), (1, 1), (3, 4), (37_550, 50_000)):
        low, high = interval(hits, number)
        assert -1e-12 <= low <= hits / number <= high + 1e-12
        assert high <= 1 + 1e-12
    assert high - low < 0.01


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no folders"),
        ({"palce__a": CHINA, "n00000000__a": CHINA}, r"'palce' \(did you mean 'palace'\?\)"),
        ({"1000__a": CHINA}, r"'1000'.*an index in 0\.\.999"),
    ],
)
def test_folders_that_cannot_be_meant(tmp_path, files, message):
    with pytest.raises(ValueError, match=message):
        class_folders(put(tmp_path, **files), CATEGORIES)


def test_an_empty_class_is_refused(tmp_path):
    put(tmp_path, palace__a=CHINA)
    (tmp_path / "daisy").mkdir()
    with pytest.raises(ValueError, match="no images in .*daisy"):
        class_folders(tmp_path, CATEGORIES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("490\n361\n", "line 1 is '490', not .* not in the order of the logits"),
        ("b.jpg 698", "has no label for .*a.jpg"),
        ("a.jpg,ferris whel", "'ferris whel'"),
    ],
)
def test_labels_that_cannot_be_meant(tmp_path, text, message):
    path = tmp_path / "labels.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        label_file(put(tmp_path / "val", a=CHINA), path, CATEGORIES)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["efficientnet_lite0", "{}/no"], "does not exist"),
        (["efficientnet_lite0", "{}"], "holds no folders"),
        (["efficientnet_lite9", "{}"], "did you mean 'efficientnet_lite"),
        (["efficientnet_lite0", "{}", "--batch-size", "0"], "--batch-size=0: must be >= 1"),
        (["efficientnet_lite0", "{}", "--labels", "{}/no.txt"], "holds no images"),
    ],
)
def test_errors_are_told_in_a_line(capsys, tmp_path, words, message):
    _, err = run(capsys, "evaluate", *[w.replace("{}", str(tmp_path)) for w in words], code=2)
    assert err.startswith("error: ")
    assert message in err.replace("Did", "did")
