"""A folder with one sub-folder of images per class, or such folders for train, val and test."""

import os
from pathlib import Path

import numpy as np

from jaxcnn.images.files import SUFFIXES, walk
from train.data.files import FileExamples
from train.data.stored import Stored
from train.errors import UserError

SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test",),
}
"""How folders and CSV files may call each split."""

LAYOUT = "expected PATH/CLASS/*.jpg|png|webp, or PATH/train/CLASS/... with val and test beside it"


def open_folder(path: str) -> Stored:
    """Return the splits that the folder has: train alone, or also val and test."""
    root = Path(path).expanduser()
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise UserError(
            f"folder {root} {what} (seen from {Path.cwd()}); check the path after folder:, {LAYOUT}"
        )
    folders = split_folders(root)
    class_names = classes_of(folders["train"])
    parts = {name: list_images(folder, class_names) for name, folder in folders.items()}
    return Stored(
        train=parts["train"],
        val=parts.get("val"),
        test=parts.get("test"),
        class_names=class_names,
        identity={name: part.identity() for name, part in parts.items()},
    )


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folder of each split; the root itself is the training folder if it has none.

    A folder that is called `train` but holds no folders is a class, of railway pictures.
    """
    found = {
        split: [root / n for n in names if (root / n).is_dir() and sub_folders(root / n)]
        for split, names in SPLIT_NAMES.items()
    }
    for folders in found.values():
        if len(folders) > 1:
            both = " and ".join(folder.name for folder in folders)
            raise UserError(f"{root} has both {both}, which mean the same; keep one of them")
    if not found["train"]:
        return {"train": root}
    return {split: folders[0] for split, folders in found.items() if folders}


def sub_folders(folder: Path) -> list[str]:
    """Return the names of the visible sub-folders, sorted."""
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def classes_of(folder: Path) -> tuple[str, ...]:
    """Return the class names of the training folder."""
    names = sub_folders(folder)
    if len(names) < 2:
        raise UserError(
            f"{folder} has {len(names)} class folders, and a classification needs at least two; "
            f"{LAYOUT}"
        )
    return tuple(names)


def list_images(folder: Path, class_names: tuple[str, ...]) -> FileExamples:
    """Return the images of a split folder, sorted by class and path."""
    present = sub_folders(folder)
    strange = sorted(set(present) - set(class_names))
    if strange:
        raise UserError(
            f"{folder} has classes that the training folder lacks: {', '.join(strange)}; add "
            f"training images for them, or remove them. Training classes: {', '.join(class_names)}"
        )
    paths: list[str] = []
    labels: list[int] = []
    empty: list[str] = []
    for label, name in enumerate(class_names):
        found = sorted(map(str, walk(folder / name))) if name in present else []
        if not found and name in present:
            empty.append(str(folder / name))
        paths += [os.path.relpath(path, folder) for path in found]
        labels += [label] * len(found)
    if empty:
        raise UserError(
            f"no images ({', '.join(sorted(SUFFIXES))}) in {', '.join(empty)}; add some, or remove "
            "the empty class"
        )
    return FileExamples(folder, paths, np.array(labels, np.int32))
