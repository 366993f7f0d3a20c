"""What a data source is, and the two ways of holding one: decoded arrays and parts of another."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from jaxcnn.images import ImageError

Progress = Callable[[int, int], None]
"""Told `(done, total)` from time to time while examples are decoded."""


UNREADABLE = (ImageError, OSError, ValueError)
"""What reading one bad example may raise; anything else is a defect of the program."""


IGNORE = 255
"""Label of pixels that count nowhere, as in `jaxcnn.losses`."""


class Examples(Protocol):
    """Images as they are stored, of any size: what a person may hand in.

    `[i]` returns `{"image": uint8 (H, W[, C]), "label": int}`, or as label a class for each pixel,
    int (H, W), where `IGNORE` marks those that count nowhere.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> Mapping[str, Any]: ...


class Gathered(NamedTuple):
    """Some examples of a source, side by side."""

    images: np.ndarray
    """uint8 (n, H, W, C), never a view of the source's memory."""
    labels: np.ndarray
    """int32 (n,), or (n, H, W) of pixels."""
    readable: np.ndarray
    """bool (n,); False where the image could not be read and another one stands in."""
    problems: tuple[tuple[str, str], ...]
    """Name and reason of each unreadable image."""


class Source(Protocol):
    """Examples of one shape, ready for batches."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        ...

    @property
    def labels(self) -> np.ndarray:
        """All labels, int32 (n,), without decoding an image where that can be avoided.

        Labels of pixels are asked for by `gather` alone.
        """
        ...

    @property
    def in_memory(self) -> bool:
        """Whether the images are decoded already."""
        ...

    @property
    def skipped(self) -> dict[str, str]:
        """Unreadable images met so far, name and reason: streams of batches add to it."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> dict[str, Any]: ...

    def gather(self, indices: np.ndarray) -> Gathered:
        """Return copies of the examples at these positions."""
        ...

    def name(self, i: int) -> str:
        """Return a name for the example by which a person finds it."""
        ...


def name_of(examples: Any, i: int) -> str:
    """Return the examples' own name for number i, or the number."""
    return str(examples.name(i)) if hasattr(examples, "name") else f"example {i}"


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Decoded images, kept as one array."""

    images: np.ndarray = field(repr=False)
    """uint8 (n, H, W, C)."""
    labels: np.ndarray = field(repr=False)
    """int32 (n,), or uint8 (n, H, W) of pixels."""
    names: Callable[[int], str] = "example {}".format
    """Maps a position to a name."""
    skipped: dict[str, str] = field(default_factory=dict, repr=False)
    """Images that were left out."""
    in_memory: bool = True

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        _, height, width, channels = self.images.shape
        return height, width, channels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {"image": self.images[i].copy(), "label": single(self.labels[i])}

    def gather(self, indices: np.ndarray) -> Gathered:
        """Return copies of the examples at these positions."""
        readable = np.ones(len(indices), bool)
        labels = self.labels[indices].astype(np.int32, copy=False)
        return Gathered(self.images[indices], labels, readable, ())

    def name(self, i: int) -> str:
        """Return a name for the example by which a person finds it."""
        return self.names(i)


@dataclass(frozen=True, eq=False)
class Subset:
    """Chosen examples of another source, whose memory it shares."""

    parent: Source
    indices: np.ndarray = field(repr=False)
    """Positions in the parent, int64 (n,)."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.parent.shape

    @property
    def labels(self) -> np.ndarray:
        """All labels, int32 (n,)."""
        return self.parent.labels[self.indices]

    @property
    def in_memory(self) -> bool:
        """Whether the images are decoded already."""
        return self.parent.in_memory

    @property
    def skipped(self) -> dict[str, str]:
        """Unreadable images met so far."""
        return self.parent.skipped

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return self.parent[int(self.indices[i])]

    def gather(self, indices: np.ndarray) -> Gathered:
        """Return copies of the examples at these positions."""
        return self.parent.gather(self.indices[indices])

    def name(self, i: int) -> str:
        """Return a name for the example by which a person finds it."""
        return self.parent.name(int(self.indices[i]))


@dataclass(frozen=True, eq=False)
class ArrayExamples:
    """Images of one size in one array, as examples."""

    images: np.ndarray = field(repr=False)
    """uint8 (n, H, W, C)."""
    labels: np.ndarray = field(repr=False)
    """int32 (n,), or uint8 (n, H, W) of pixels."""
    pattern: str = "example {}"

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {"image": self.images[i], "label": single(self.labels[i])}

    def name(self, i: int) -> str:
        """Return a name for the example by which a person finds it."""
        return self.pattern.format(i)

    def digest(self) -> str:
        """Return a hash of the content."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()[:16]


def single(label: Any) -> Any:
    """Return one class as an int, and the classes of pixels as they are."""
    return label if np.ndim(label) else int(label)


def stored_labels(examples: Any) -> np.ndarray:
    """Return all labels, int32 (n,): the examples' own list, or by reading every one of them."""
    known: Sequence[int] | np.ndarray | None = getattr(examples, "labels", None)
    if known is None:
        known = [examples[i]["label"] for i in range(len(examples))]
    return np.asarray(known, np.int32)


def spread(total: int, count: int) -> list[int]:
    """Return up to `count` positions, evenly spaced from the first to the last.

    >>> spread(10, 4), spread(2, 4)
    ([0, 3, 6, 9], [0, 1])
    """
    return np.unique(np.linspace(0, total - 1, count).astype(int)).tolist()
