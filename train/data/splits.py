"""From a data config to the train, validation and test sources of a run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from train.config import Data
from train.data.conform import Form, form_of
from train.data.decode import decode_all, fits
from train.data.digits import open_digits
from train.data.folder import open_folder
from train.data.lazy import LazySource
from train.data.listing import open_list
from train.data.pairs import open_pairs
from train.data.scenes import SIZE, open_scenes
from train.data.source import Progress, Source, Subset
from train.data.split import cut, cut_freely
from train.data.stored import Stored
from train.data.tfds import open_tfds
from train.errors import UserError, unknown


@dataclass(frozen=True)
class Splits:
    """The data of a run."""

    train: Source
    val: Source | None
    """None where `val_fraction` is 0 and the data have no validation split."""
    test: Source
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    """Height, width, channels."""
    fingerprint: str
    """Short hash of the stored data, of how they are cut and of the image shape."""
    skipped: dict[str, str]
    """Images met so far that cannot be read, name and reason; it grows as lazy sets are read."""
    pixels: bool = False
    """Whether each pixel has a class, rather than each image."""

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)


def load_splits(
    data: Data, seed: int, progress: Progress | None = None, *, pixels: bool = False
) -> Splits:
    """Open, cut and (where small) decode the data that the config names.

    With `pixels` each pixel has a class, as a segmentation needs.
    """
    stored = open_pixels(data, seed) if pixels else open_stored(data)
    return make_splits(stored, data, seed, progress)


def open_pixels(data: Data, seed: int) -> Stored:
    """Open the data source that `data.source` names, with a class for each pixel."""
    kind, _, rest = data.source.partition(":")
    if kind == "scenes" and rest:
        own = replace(data, source=rest, image_size=0, channels=1)
        cut_by = split_seed(data, seed)
        return open_scenes(load_splits(own, seed), data.image_size or SIZE, cut_by)
    if kind == "tfds" and rest:
        return open_tfds(rest, data.data_dir, pixels=True)
    if kind == "folder" and rest:
        return open_pairs(rest)
    if kind in PIXEL_KINDS:
        raise UserError(f"data.source is {data.source!r}; write it as {PIXEL_KINDS[kind]}")
    raise unknown("data.source of a segmentation", data.source, PIXEL_KINDS.values())


def open_stored(data: Data) -> Stored:
    """Open the data source that `data.source` names."""
    kind, _, rest = data.source.partition(":")
    if kind == "digits" and not rest:
        return open_digits()
    if kind == "tfds" and rest:
        return open_tfds(rest, data.data_dir)
    if kind == "folder" and rest:
        return open_folder(rest)
    if kind == "list" and rest:
        return open_list(rest)
    if kind in KINDS:
        raise UserError(f"data.source is {data.source!r}; write it as {KINDS[kind]}")
    raise unknown("data.source", data.source, KINDS.values())


KINDS = {
    "digits": "digits",
    "tfds": "tfds:NAME",
    "folder": "folder:PATH",
    "list": "list:FILE.csv",
}


PIXEL_KINDS = {"scenes": "scenes:digits", "tfds": "tfds:NAME", "folder": "folder:PATH"}


def split_seed(data: Data, seed: int) -> int:
    """Return the seed by which missing splits are cut."""
    return seed if data.split_seed < 0 else data.split_seed


def make_splits(stored: Stored, data: Data, seed: int, progress: Progress | None = None) -> Splits:
    """Cut and decode opened data."""
    form = form_of(stored.train, data)
    own = {"train": stored.train, "val": stored.val, "test": stored.test}
    skipped: dict[str, str] = {}
    lazies = {
        name: LazySource(
            examples, form, len(stored.class_names), data.on_error, skipped, pixels=stored.pixels
        )
        for name, examples in own.items()
        if examples is not None
    }
    held = hold(lazies, data, progress)
    parts = cut_missing(held, data, split_seed(data, seed), stored)
    return Splits(
        train=parts["train"],
        val=parts.get("val"),
        test=parts["test"],
        class_names=stored.class_names,
        image_shape=form.shape,
        fingerprint=fingerprint(stored, form, parts),
        skipped=skipped,
        pixels=stored.pixels,
    )


def hold(
    lazies: dict[str, LazySource], data: Data, progress: Progress | None
) -> Mapping[str, Source]:
    """Decode the sets once if they are small, or leave them to be read on demand."""
    if not fits(list(lazies.values()), data.cache_mb):
        return lazies
    total = sum(map(len, lazies.values()))
    parts: dict[str, Source] = {}
    done = 0
    for name, lazy in lazies.items():
        before = done

        def tell(count: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + count, total)

        parts[name] = decode_all(lazy, data.threads, tell)
        done += len(lazy)
    return parts


def cut_missing(
    own: Mapping[str, Source], data: Data, seed: int, stored: Stored
) -> dict[str, Source]:
    """Cut test, then validation, off the training examples where the data have none."""
    parts = dict(own)
    for name, fraction in (("test", data.test_fraction), ("val", data.val_fraction)):
        if name in parts or (name == "val" and fraction == 0):
            continue
        whole = parts["train"]
        if stored.pixels:
            rest, part = cut_freely(len(whole), fraction, seed, name)
        else:
            rest, part = cut(whole.labels, fraction, seed, name, stored.class_names)
        parts["train"], parts[name] = subset(whole, rest), subset(whole, part)
    return parts


def subset(source: Source, indices: np.ndarray) -> Subset:
    """Return a part, of the parent's parent where there is one."""
    if isinstance(source, Subset):
        return replace(source, indices=source.indices[indices])
    return Subset(source, indices)


def fingerprint(stored: Stored, form: Form, parts: dict[str, Source]) -> str:
    """Return twelve hex digits that change with the data, their cut and their form."""
    facts: dict[str, Any] = {
        "identity": stored.identity,
        "classes": stored.class_names,
        "shape": form.shape,
        "resized": form.resized,
        "lengths": {name: len(part) for name, part in sorted(parts.items())},
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, part in sorted(parts.items()):
        if isinstance(part, Subset):
            digest.update(name.encode() + part.indices.astype("<i8").tobytes())
    return digest.hexdigest()[:12]
