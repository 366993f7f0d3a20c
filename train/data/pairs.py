"""Folders of images and, beside them, of masks that hold the class of every pixel."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from jaxcnn import images
from jaxcnn.images.files import walk
from train.data.conform import largest_class
from train.data.files import FileExamples
from train.data.folder import SPLIT_NAMES
from train.data.stored import Stored
from train.errors import UserError

SHOWN = 8
"""Mismatches that a message lists."""

LAYOUT = (
    "expected PATH/train/images/NAME.* and PATH/train/masks/NAME.png (8-bit grey or palette), val "
    "and test beside train, or PATH/images and PATH/masks; PATH/classes.txt may name the classes, "
    "one a line"
)


@dataclass(frozen=True, eq=False)
class PairExamples:
    """Image files and the file of each one's classes."""

    pictures: FileExamples
    masks: Sequence[Path] = field(repr=False)

    def __len__(self) -> int:
        return len(self.masks)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {"image": self.pictures[i]["image"], "label": images.read_mask(self.masks[i])}

    def name(self, i: int) -> str:
        """Return the image's path."""
        return self.pictures.name(i)

    @cached_property
    def channels(self) -> int:
        """3 if any of some images is a colour image, else 1."""
        return self.pictures.channels

    def identity(self) -> list[Any]:
        """Return what tells these files from others."""
        return [self.pictures.identity(), [path.stat().st_size for path in self.masks]]


def open_pairs(path: str) -> Stored:
    """Return the splits that the folder has; all that does not match is reported at once."""
    root = Path(path).expanduser()
    folders = split_folders(root)
    wrong: list[str] = []
    parts = {name: open_pair_folder(folder, wrong) for name, folder in folders.items()}
    if wrong:
        more = f"\n  and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        listed = "".join(f"\n  {line}" for line in wrong[:SHOWN])
        raise UserError(f"images and masks in {root} do not match:{listed}{more}\n{LAYOUT}")
    return Stored(
        train=parts["train"],
        val=parts.get("val"),
        test=parts.get("test"),
        class_names=class_names(root, list(parts.values())),
        identity={name: part.identity() for name, part in parts.items()},
        pixels=True,
    )


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folder of each split that holds images and masks."""
    found = {
        split: [root / n for n in names if (root / n / "images").is_dir()]
        for split, names in SPLIT_NAMES.items()
    }
    if (root / "images").is_dir():
        found["train"].append(root)
    for folders in found.values():
        if len(folders) > 1:
            both = " and ".join(map(str, folders))
            raise UserError(f"{both} mean the same; keep one of them")
    if not found["train"]:
        raise UserError(f"{root} has no folder of images (seen from {Path.cwd()}); {LAYOUT}")
    return {split: folders[0] for split, folders in found.items() if folders}


def open_pair_folder(folder: Path, wrong: list[str]) -> PairExamples:
    """Return the pairs of a split, by the names without their endings; note what is wrong."""
    sides = {}
    for side in ("images", "masks"):
        by_name: dict[str, Path] = {}
        for path in walk(folder / side) if (folder / side).is_dir() else []:
            name = os.path.relpath(path.with_suffix(""), folder / side)
            if name in by_name:
                wrong.append(f"{path} and {by_name[name].name} have one name")
            by_name[name] = path
        sides[side] = by_name
    pictures, masks = sides["images"], sides["masks"]
    wrong += [f"{pictures[name]} has no mask" for name in sorted(pictures.keys() - masks.keys())]
    wrong += [f"{masks[name]} has no image" for name in sorted(masks.keys() - pictures.keys())]
    names = sorted(pictures.keys() & masks.keys())
    wrong += [line for name in names if (line := unequal(pictures[name], masks[name]))]
    if not pictures and not masks:
        wrong.append(f"{folder} has no images")
    paths = [os.path.relpath(pictures[name], folder) for name in names]
    files = FileExamples(folder, paths, np.zeros(len(names), np.int32))
    return PairExamples(files, [masks[name] for name in names])


def unequal(picture: Path, mask: Path) -> str:
    """Return how the sizes of an image and its mask differ; nothing where they do not."""
    try:
        sizes = [images.header(path)[:2] for path in (picture, mask)]
    except images.ImageError:
        return ""  # Told when it is read, as `on_error` says.
    (a, b), (c, d) = sizes
    return "" if (a, b) == (c, d) else f"{picture} is {a} x {b} pixels and {mask} {c} x {d}"


def class_names(root: Path, parts: Sequence[PairExamples]) -> tuple[str, ...]:
    """Return the classes that are named, or else all numbers up to the largest in any mask."""
    file = root / "classes.txt"
    if file.is_file():
        names = tuple(line.strip() for line in file.read_text("utf-8").splitlines() if line.strip())
        if not 2 <= len(names) <= 255 or len(set(names)) < len(names):
            raise UserError(f"{file} must name 2 to 255 classes, one a line, each once")
        return names
    largest = 1
    for part in parts:
        for path in part.masks:
            try:
                largest = max(largest, largest_class(images.read_mask(path)))
            except images.ImageError:
                continue  # Told when it is read, as `on_error` says.
    return tuple(str(i) for i in range(largest + 1))
