"""A source that decodes its examples when they are asked for, and what it does with bad ones."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from train.data.conform import Form, check_classes
from train.data.source import UNREADABLE, Gathered, name_of, stored_labels
from train.errors import UserError

OnError = Literal["raise", "skip"]


def reason(name: str, error: Exception) -> str:
    """Return why an image cannot be read, without repeating its name."""
    return str(error).removeprefix(f"{name} ")


def unreadable(name: str, error: Exception) -> UserError:
    """Return the error of an image that cannot be read."""
    return UserError(
        f"cannot read {name}, which {reason(name, error)}. Mend or remove it, or leave out such "
        "images (they are counted and named) with --data.on_error skip"
    )


@dataclass(frozen=True, eq=False)
class LazySource:
    """Stored examples, decoded and brought to one form on demand."""

    examples: Any = field(repr=False)
    form: Form
    num_classes: int
    on_error: OnError = "raise"
    skipped: dict[str, str] = field(default_factory=dict, repr=False)
    """Unreadable images met so far; not filled in by another process, see `Gathered.problems`."""
    in_memory: bool = False
    pixels: bool = False
    """Whether each pixel has a class."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.form.shape

    @property
    def labels(self) -> np.ndarray:
        """All labels, int32 (n,)."""
        return self.known_labels

    @cached_property
    def known_labels(self) -> np.ndarray:
        """All labels, read once."""
        return stored_labels(self.examples)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return self.convert(self.examples[i], i)

    def name(self, i: int) -> str:
        """Return a name for the example by which a person finds it."""
        return name_of(self.examples, i)

    def convert(self, example: Any, i: int) -> dict[str, Any]:
        """Return a stored example in this source's form."""
        name = self.name(i)
        if self.pixels:
            check_classes(example["label"], self.num_classes, name)
            mask = self.form.apply_mask(example["label"], example["image"], name)
            return {"image": self.form.apply(example["image"], name), "label": mask}
        label = int(example["label"])
        if not 0 <= label < self.num_classes:
            raise UserError(
                f"the label of {name} is {label}; it must be in [0, {self.num_classes})"
            )
        return {"image": self.form.apply(example["image"], name), "label": label}

    def read(self, indices: np.ndarray) -> list[dict[str, Any] | Exception]:
        """Return the examples at these positions, or why they cannot be read."""
        many = getattr(self.examples, "__getitems__", None)
        if many is not None:
            try:
                stored = many([int(i) for i in indices])
                return [self.convert(e, int(i)) for e, i in zip(stored, indices, strict=True)]
            except UNREADABLE:
                pass  # One by one, to find the culprit.
        return [self.read_one(int(i)) for i in indices]

    def read_one(self, i: int) -> dict[str, Any] | Exception:
        """Return one example, or why it cannot be read."""
        try:
            return self[i]
        except UNREADABLE as error:
            if self.on_error == "raise":
                raise unreadable(self.name(i), error) from error
            return error

    def gather(self, indices: np.ndarray) -> Gathered:
        """Return the examples at these positions; the next good one stands in for a bad one.

        A real picture, not zeros, because batch normalisation also sees rows that count nowhere.
        """
        examples = self.read(indices)
        readable = np.array([isinstance(e, dict) for e in examples], bool)
        good = np.flatnonzero(readable)
        problems = tuple(
            (self.name(int(i)), reason(self.name(int(i)), e))
            for i, e in zip(indices, examples, strict=True)
            if isinstance(e, Exception)
        )
        if not len(good):
            raise UserError(
                f"no image of a batch can be read; the first is {problems[0][0]}: {problems[0][1]}"
            )
        stand_in = good[np.searchsorted(good, np.arange(len(examples))) % len(good)]
        chosen: list[Any] = [examples[int(k)] for k in stand_in]
        images = np.stack([e["image"] for e in chosen])
        labels = np.array([e["label"] for e in chosen], np.int32)
        return Gathered(images, labels, readable, problems)
