"""TensorFlow Datasets that were prepared as ArrayRecord, read without TensorFlow."""

import os
import shlex
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from jaxcnn.images import ImageError
from train.data.stored import Stored
from train.errors import UserError

LABEL_CHUNK = 4096


@dataclass(frozen=True)
class Masks:
    """How a set stores the classes of pixels, which its own description does not say."""

    key: str
    stored: tuple[tuple[str, int], ...]
    """Name of each class, and the number that stands for it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(name for name, _ in self.stored)

    def classes(self, mask: Any) -> np.ndarray:
        """Return the class of each pixel, int32 (H, W); -1 for a number that stands for none."""
        table = np.full(256, -1, np.int32)
        for number, (_, value) in enumerate(self.stored):
            table[value] = number
        return table[np.asarray(mask).reshape(np.shape(mask)[:2])]


MASKS = {
    # Parkhi et al. 2012, "Cats and dogs": the border is what annotators left undecided.
    "oxford_iiit_pet": Masks("segmentation_mask", (("background", 2), ("pet", 1), ("border", 3))),
}


@dataclass(frozen=True, eq=False)
class TfdsExamples:
    """One split of a prepared set."""

    builder: Any = field(repr=False)
    split: str
    image_key: str
    label_key: str
    masks: Masks | None = None
    """How the classes of pixels are stored, where the labels are those."""

    @cached_property
    def records(self) -> Any:
        """The split's examples, decoded when they are asked for."""
        return self.builder.as_data_source(self.split)

    def __len__(self) -> int:
        return self.builder.info.splits[self.split].num_examples

    def __getitem__(self, i: int) -> dict[str, Any]:
        return self.__getitems__([i])[0]

    def __getitems__(self, indices: list[int]) -> list[dict[str, Any]]:
        """Read many at once, which is some ten times faster than one by one."""
        try:
            records = self.records.__getitems__(indices)
        except Exception as error:  # Whatever the decoder raises: OpenCV's, Pillow's, None's.
            raise ImageError(f"{type(error).__name__}: {error}") from error
        return [
            {"image": record[self.image_key], "label": self._label(record[self.label_key])}
            for record in records
        ]

    def _label(self, stored: Any) -> Any:
        return self.masks.classes(stored) if self.masks else int(stored)

    @cached_property
    def labels(self) -> np.ndarray:
        """All labels, int32 (n,), read without decoding the images."""
        import tensorflow_datasets as tfds

        decoders = {self.image_key: tfds.decode.SkipDecoding()}
        records = self.builder.as_data_source(self.split, decoders=decoders)
        labels = np.empty(len(self), np.int32)
        for start in range(0, len(self), LABEL_CHUNK):
            chunk = range(start, min(start + LABEL_CHUNK, len(self)))
            labels[chunk.start : chunk.stop] = [
                record[self.label_key] for record in records.__getitems__(list(chunk))
            ]
        return labels

    def name(self, i: int) -> str:
        """Return a name for the example by which a person finds it."""
        return f"{self.builder.info.name} {self.split} {i}"


def open_tfds(name: str, data_dir: str, pixels: bool = False) -> Stored:
    """Return the splits of a prepared set: train, and test and validation where it has them."""
    builder = find_builder(name, data_dir)
    masks = masks_of(builder.info.name) if pixels else None
    image_key, label_key = ("image", masks.key) if masks else keys(builder)
    names = masks.names if masks else tuple(builder.info.features[label_key].names)
    splits = builder.info.splits

    def examples(*names: str) -> TfdsExamples | None:
        found = next((n for n in names if n in splits and splits[n].num_examples), None)
        if found is None:
            return None
        missing = [file.name for file in splits[found].filepaths if not file.exists()]
        if missing:
            raise not_prepared(name, data_dir, f"{', '.join(missing[:3])} is missing")
        return TfdsExamples(builder, found, image_key, label_key, masks)

    train = examples("train")
    if train is None:
        raise UserError(
            f"tfds:{name} has no examples in a split 'train', only {', '.join(sorted(splits))}; "
            "choose a set that has some"
        )
    return Stored(
        train=train,
        val=examples("validation", "val", "valid"),
        test=examples("test") if pixels else labelled(examples("test")),
        class_names=names,
        identity={
            "source": builder.info.full_name,
            "splits": {n: [s.num_examples, s.num_bytes] for n, s in sorted(splits.items())},
        },
        pixels=pixels,
    )


def masks_of(name: str) -> Masks:
    """Return how a set stores the classes of pixels."""
    if name not in MASKS:
        raise UserError(
            f"tfds:{name} has no masks that are known here; known are {', '.join(MASKS)}. Save "
            "others as files and use folder:PATH"
        )
    return MASKS[name]


def labelled(examples: TfdsExamples | None) -> TfdsExamples | None:
    """Return the examples unless their labels are withheld (-1, as in some challenges)."""
    if examples is None or examples[0]["label"] < 0:
        return None
    return examples


def find_builder(name: str, data_dir: str) -> Any:
    """Return the builder of a set on disk, from its files alone: no code, no network."""
    try:
        from tensorflow_datasets.core import read_only_builder, registered
    except ImportError as error:
        raise UserError(
            f"tfds:{name} needs TensorFlow Datasets ({error}); install it with "
            "pip install -e '.[train]'"
        ) from error
    try:
        builder = read_only_builder.builder_from_files(name, data_dir=data_dir or None)
    except (registered.DatasetNotFoundError, ValueError) as error:
        raise not_prepared(name, data_dir, str(error)) from error
    if builder.info.file_format is None or builder.info.file_format.value != "array_record":
        raise not_prepared(
            name, data_dir, f"it is stored as {builder.info.file_format}, which needs TensorFlow"
        )
    return builder


def not_prepared(name: str, data_dir: str, reason: str) -> UserError:
    """Return the error that tells how to prepare a set."""
    folder = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    quoted = shlex.quote(folder) if not folder.startswith("~") else folder
    first = reason.strip().splitlines()[0]
    return UserError(
        f"the dataset tfds:{name} is not prepared in {folder} ({first}). Prepare it once, in an "
        "environment with TensorFlow (training needs none):\n"
        "  pip install tensorflow tensorflow-datasets array_record\n"
        f"  tfds build {shlex.quote(name)} --file_format=array_record --data_dir={quoted}\n"
        "or name the folder that has it with --data.data_dir or TFDS_DATA_DIR"
    )


def keys(builder: Any) -> tuple[str, str]:
    """Return the names of the image and of its class in the set's examples."""
    supervised = builder.info.supervised_keys
    features = builder.info.features
    if supervised is not None and len(supervised) == 2:
        image_key, label_key = supervised
    else:
        image_key, label_key = "image", "label"
    kinds = {key: type(feature).__name__ for key, feature in features.items()}
    if kinds.get(image_key) != "Image" or kinds.get(label_key) != "ClassLabel":
        raise UserError(
            f"tfds:{builder.info.name} is not a set of images with one class each: its features "
            f"are {kinds}; choose a classification set"
        )
    return image_key, label_key
