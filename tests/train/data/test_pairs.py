"""Folders of images and masks, arrays of both, and what does not match."""

import numpy as np
import pytest
from PIL import Image

from jaxcnn.images import ImageError, class_colors, overlay_classes, read_mask
from tests.train.data.conftest import picture
from train.config import Data
from train.data import load_splits, splits_of
from train.data.tfds import MASKS, TfdsExamples
from train.errors import UserError

MASK = np.array([[0, 1, 2, 255], [2, 2, 0, 1], [0, 0, 0, 1]], np.uint8)


def save_mask(path, mask=MASK):
    """As a palette PNG, whose colours are not its classes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask)
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768, np.uint8).tobytes())
    image.save(path)


@pytest.fixture
def pairs(tmp_path, save):
    for split, count in (("train", 6), ("test", 2)):
        for i in range(count):
            save(tmp_path / split / "images" / "a" / f"{i}.jpg", seed=i, height=3, width=4)
            save_mask(tmp_path / split / "masks" / "a" / f"{i}.png")
    return tmp_path


def load(root, **data):
    return load_splits(Data(f"folder:{root}", val_fraction=0.34, **data), 0, pixels=True)


def test_a_folder_of_pairs(pairs):
    splits = load(pairs)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (3, 3, 2)
    assert splits.class_names == ("0", "1", "2")
    assert splits.image_shape == (3, 4, 3)
    np.testing.assert_array_equal(splits.train[0]["label"], MASK)
    assert splits.test.name(1).endswith("test/images/a/1.jpg")
    (pairs / "classes.txt").write_text("ground\ncat\n\ndog\n")
    assert load(pairs).class_names == ("ground", "cat", "dog")
    resized = load(pairs, image_size=6, cache_mb=0)
    assert resized.test[0]["label"].shape == (6, 6)
    np.testing.assert_array_equal(resized.test[0]["label"][::2, 0], MASK[:, 0])
    assert set(np.unique(resized.test[0]["label"])) == {0, 1, 2, 255}


def test_all_mismatches_are_told_at_once(pairs, save):
    (pairs / "train" / "masks" / "a" / "0.png").unlink()
    save_mask(pairs / "test" / "masks" / "b.png")
    save(pairs / "train" / "images" / "a" / "3.jpg", height=5, width=4)
    save(pairs / "train" / "images" / "a" / "4.png", height=3, width=4)
    with pytest.raises(UserError) as error:
        load(pairs)
    text = str(error.value)
    assert "train/images/a/0.jpg has no mask" in text
    assert "test/masks/b.png has no image" in text
    assert "3.jpg is 5 x 4 pixels" in text
    assert "have one name" in text


def test_classes_out_of_range_are_errors_on_the_host(pairs):
    (pairs / "classes.txt").write_text("ground\ncat\n")
    with pytest.raises(UserError, match=r"has 2 in row 0, column 2 \(3 such pixels\).*0 to 1"):
        load(pairs)
    images, masks = np.zeros((4, 3, 4), np.uint8), np.tile(MASK, (4, 1, 1))
    with pytest.raises(UserError, match="has 2 in row 0, column 2"):
        splits_of((images, masks), class_names=("a", "b"))
    with pytest.raises(UserError, match="has -1 in row 0, column 0"):
        splits_of((images, masks.astype(int) - 1))


def test_arrays_of_masks():
    images, masks = np.zeros((9, 3, 4), np.uint8), np.tile(MASK, (9, 1, 1))
    splits = splits_of((images, masks))
    assert splits.pixels
    assert splits.class_names == ("0", "1", "2")
    assert [len(s) for s in (splits.train, splits.val, splits.test)] == [6, 1, 2]
    assert splits.fingerprint != splits_of((images, masks // 2)).fingerprint
    with pytest.raises(UserError, match=r"labels are .*one per image, or \(9, 3, 4\)"):
        splits_of((images, masks[:, :2]))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda p: Image.fromarray(picture(0)).save(p.with_suffix(".png")), "kind RGB"),
        (lambda p: Image.fromarray(MASK).save(p.with_suffix(".jpg")), "is a JPEG"),
        (lambda p: Image.fromarray(MASK.astype(np.uint16)).save(p.with_suffix(".png")), "I;16"),
    ],
)
def test_files_that_hold_no_classes(tmp_path, make, text):
    make(tmp_path / "mask.x")
    (path,) = tmp_path.iterdir()
    with pytest.raises(ImageError, match=text):
        read_mask(path)


def test_black_and_white_are_classes(tmp_path):
    Image.fromarray(MASK == 1).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png"), MASK == 1)


def test_overlays_show_classes_and_leave_the_background():
    image = picture(0, height=3, width=4)
    shown = overlay_classes(image, MASK, opacity=1)
    np.testing.assert_array_equal(shown[MASK == 0], image[MASK == 0])
    np.testing.assert_array_equal(shown[MASK == 2], np.tile(class_colors(3)[2], (3, 1)))
    assert (shown[MASK == 255] == 128).all()
    assert len(np.unique(class_colors(40), axis=0)) == 40
    with pytest.raises(ValueError, match="classes have shape"):
        overlay_classes(image, MASK[:2])
    with pytest.raises(TypeError, match="must be integers"):
        overlay_classes(image, MASK / 2)


class Records:
    """What a prepared set of pets hands out."""

    def __getitems__(self, indices):
        trimap = np.array([[[1], [2], [3]]], np.uint8)
        return [{"image": picture(i, 1, 3), "segmentation_mask": trimap} for i in indices]


def test_trimaps_become_classes(monkeypatch):
    masks = MASKS["oxford_iiit_pet"]
    examples = TfdsExamples(None, "train", "image", masks.key, masks)
    monkeypatch.setattr(TfdsExamples, "records", Records())
    label = examples[0]["label"]
    assert [masks.names[k] for k in label[0]] == ["pet", "background", "border"]
