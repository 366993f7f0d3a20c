"""CSV files that list images, well formed and not."""

import pytest

from train.config import Data
from train.data import load_splits
from train.errors import UserError


def write_list(root, lines, name="list.csv"):
    file = root / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("named", [True, False])
def test_list(folder, named):
    labels = {"cat": "cat", "dog": "dog", "eel": "eel"}
    if not named:
        labels = {"cat": "2", "dog": "0", "eel": "1"}
    paths = sorted(p.relative_to(folder) for p in folder.rglob("*.*"))
    lines = ["path,label", *(f'"{p}", {labels[p.parts[0]]}' for p in paths)]
    splits = load_splits(Data(f"list:{write_list(folder, lines)}"), 0)
    assert splits.class_names == (("cat", "dog", "eel") if named else ("0", "1", "2"))
    assert [len(p) for p in (splits.train, splits.val, splits.test)] == [21, 3, 6]
    for i in range(21):
        name = splits.train.name(i).split("/")[-2]
        assert splits.class_names[splits.train.labels[i]] == labels[name]


def test_list_with_splits(folder):
    lines = ["label,split,path"]
    for i in range(10):
        split = "test" if i > 7 else "Validation" if i > 6 else "train"
        lines += [f"c,{split},cat/{i:02d}.png", f"d,{split},dog/{i:02d}.jpg"]
    splits = load_splits(Data(f"list:{write_list(folder, lines)}"), 0)
    assert [len(p) for p in (splits.train, splits.val, splits.test)] == [14, 2, 4]


GOOD = ["cat/00.png,0", "dog/00.jpg,1"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1 is ''.*path,label"),
        (GOOD, r"line 1 is 'cat/00.png,0'.*path,label"),
        (["path,class", *GOOD], "line 1 is 'path,class'"),
        (["path,label,path", *GOOD], "line 1"),
        (["path,label"], "lists no images"),
        (["path,label", *GOOD, "cat/01.png"], "line 4: 1 fields, expected 2"),
        (["path,label", *GOOD, "", "cat/01.png,"], "line 5: empty label"),
        (["path,label", ",1", *GOOD, "a,b,c"], "line 2: empty path; line 5: 3 fields"),
        (["path,label,split", "cat/00.png,0,trian"], "line 2: split 'trian', expected train"),
        (["path,label,split", "cat/00.png,0,test"], "no images with split 'train'"),
        (["path,label", *GOOD, 'cat/01.png,"1'], "line 4"),
        (["path,label", *GOOD, "cat/no.png,1"], "line 4: cat/no.png is not a file"),
        (["path,label", *GOOD, "cat,1"], "line 4: cat is not a file"),
        (["path,label", *GOOD, "./cat/00.png,1"], r"line 4: \./cat/00.png stands on line 2"),
        (["path,label,split", "cat/00.png,0,train", "cat/00.png,0,test"], "stands on line 2"),
        (["path,label", *GOOD, "cat/01.png,-1"], "line 4: label -1 is out of range"),
        (["path,label", *GOOD, "cat/01.png,7"], "line 4: label 7 is out of range"),
        (["path,label", "cat/00.png,1", "cat/01.png,1"], "no training images of class 0"),
        (["path,label", "cat/00.png,0", "cat/01.png,0"], "only one class"),
        (["path,label", "cat/00.png,a", "cat/01.png,a"], "only one class"),
        (["path,label", *[f"cat/no{i}.png,1" for i in range(9)]], "line 6.*and 4 more"),
    ],
)
def test_malformed_list(folder, lines, message):
    with pytest.raises(UserError, match=message) as error:
        load_splits(Data(f"list:{write_list(folder, lines)}"), 0)
    assert "list.csv" in str(error.value)


def test_list_that_is_no_text(folder):
    with pytest.raises(UserError, match="not UTF-8"):
        load_splits(Data(f"list:{folder / 'cat' / '00.png'}"), 0)
    with pytest.raises(UserError, match="does not exist"):
        load_splits(Data(f"list:{folder / 'no.csv'}"), 0)
    with pytest.raises(UserError, match="cannot read.*give a CSV file"):
        load_splits(Data(f"list:{folder}"), 0)
