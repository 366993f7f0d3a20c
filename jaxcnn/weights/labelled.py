"""Labelled images on disk: a folder a class, or a file of labels as ImageNet's validation set."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from jaxcnn.images.files import walk
from jaxcnn.weights.classes import class_indices


class Labelled(NamedTuple):
    """Image files and the index of the class of each.

    >>> Labelled([Path("a.jpg")], [698]).labels
    [698]
    """

    files: list[Path]
    labels: list[int]


def class_folders(folder: Path, categories: tuple[str, ...]) -> Labelled:
    """Return the images in `FOLDER/CLASS/...`.

    Args:
        folder: Holds one folder for each class, which is called as `class_indices` knows it.
        categories: Names of the classes, in the order of the logits.

    Raises:
        ValueError: If a class is unknown, or a folder holds no images.
    """
    check_folder(folder)
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise ValueError(
            f"{folder}: holds no folders. Fix: put images into {folder}/CLASS/, CLASS being a "
            "WordNet id, an index or a name, or give a file of labels with --labels"
        )
    indices = class_indices(classes, categories)
    files = {name: list(walk(folder / name)) for name in classes}
    empty = [str(folder / name) for name, found in files.items() if not found]
    if empty:
        raise ValueError(f"no images in {listed(empty)}. Fix: add some, or remove the folder")
    pairs = [(file, indices[name]) for name in classes for file in files[name]]
    return Labelled(*map(list, zip(*pairs, strict=True)))


def label_file(folder: Path, path: Path, categories: tuple[str, ...]) -> Labelled:
    """Return the images of a folder with the labels that a file gives them.

    Each line has a file's name and its class, apart by a comma, a tab or a blank: the
    `LOC_val_solution.csv` of Kaggle's ImageNet and Caffe's `val.txt` are such files. Names may
    lack their suffix. Lines for images that are not there do no harm.

    Args:
        folder: Holds the images, at any depth.
        path: The file of labels.
        categories: Names of the classes, in the order of the logits.

    Raises:
        ValueError: If a line or a class cannot be understood, or an image has no label.
    """
    check_folder(folder)
    files = list(walk(folder))
    if not files:
        raise ValueError(f"{folder}: holds no images. Fix: check the path")
    given = dict(lines(path))
    labels = {file: label_of(file, folder, given) for file in files}
    bare = [str(file) for file, label in labels.items() if label is None]
    if bare:
        raise ValueError(
            f"{path}: has no label for {listed(bare)}. Fix: add them, or move them out"
        )
    names = {file: first_word(label or "") for file, label in labels.items()}
    indices = class_indices(dict.fromkeys(names.values()), categories)
    return Labelled(files, [indices[name] for name in names.values()])


def lines(path: Path) -> Iterable[tuple[str, str]]:
    """Yield the name of a file and its class for each line."""
    text = path.read_text("utf-8-sig").splitlines()
    mark = next((mark for mark in (",", "\t") if text and mark in text[0]), None)
    rows = csv.reader(text, delimiter=mark) if mark else (line.split(maxsplit=1) for line in text)
    for number, row in enumerate(rows, 1):
        if not row:
            continue
        if len(row) < 2:
            raise ValueError(
                f"{path}: line {number} is {' '.join(row)!r}, not a file's name and a class. (The "
                "bare numbers of ILSVRC's development kit are not in the order of the logits.) "
                "Fix: use a file with lines such as 'ILSVRC2012_val_00000001.JPEG n01751748'"
            )
        yield row[0].strip(), row[1].strip()


def label_of(file: Path, folder: Path, given: dict[str, str]) -> str | None:
    """Return the label given to a file by its path below the folder or its name."""
    inside = file.relative_to(folder).as_posix()
    names = (inside, os.path.splitext(inside)[0], file.name, file.stem)
    return next((given[name] for name in names if name in given), None)


def first_word(label: str) -> str:
    """Return the WordNet id of a label that goes on with boxes, as Kaggle's do; else the label.

    >>> first_word("n03995372 85 1 499 272"), first_word("great white shark")
    ('n03995372', 'great white shark')
    """
    word, *rest = label.split()
    return word if rest and word[0] == "n" and word[1:].isdigit() else label


def check_folder(folder: Path) -> None:
    """Raise where there is no folder."""
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise ValueError(f"{folder}: {what}. Fix: check the path")


def listed(names: list[str]) -> str:
    """Return some names and the number of the others."""
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
