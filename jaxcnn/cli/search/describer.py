"""A network that makes vectors of images, as an index remembers it."""

import functools
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.cli.options import load
from jaxcnn.images import ImageError
from jaxcnn.inference.batches import batches
from jaxcnn.retrieval import Index, Projection, describe, fingerprint
from jaxcnn.retrieval.fingerprint import hash_arrays
from jaxcnn.taps.maps import map_layer
from jaxcnn.typing import Variables

DEFAULT = Path("search-index")


@dataclass(frozen=True)
class Recipe:
    """What is asked for, in words that an index keeps."""

    model: str
    tag: str | None
    weights: str | None
    at: str | None
    pool: str
    scales: tuple[float, ...]


class Vectors(NamedTuple):
    """Some files in a row: their vectors, or why there are none."""

    files: list[Path]
    vectors: np.ndarray
    errors: dict[Path, ImageError]


@dataclass(frozen=True)
class Describer:
    """A network with its layer and pooling."""

    recipe: Recipe
    model: nn.Module
    variables: Variables
    meta: Any
    at: str

    def vectors(
        self, pixels: np.ndarray, projection: Projection | None, *, regions: bool = False
    ) -> np.ndarray:
        """Return vectors for images (N, H, W, C) as bytes."""
        images = [self.meta.transforms.normalize(pixels)]
        return describe(
            self.model, self.variables, images, at=self.at, pool=self.recipe.pool,
            scales=self.recipe.scales, projection=projection, regions=regions,
        )  # fmt: skip

    def batches(
        self,
        files: Sequence[Path],
        size: int,
        projection: Projection | None,
        *,
        regions: bool = False,
    ) -> Iterator[Vectors]:
        """Yield vectors for files, and what ails those that cannot be read."""
        program = functools.partial(self.vectors, projection=projection, regions=regions)
        for batch in batches(program, self.meta.transforms, files, size):
            errors = {files[i]: error for i, error in batch.errors.items()}
            yield Vectors([files[i] for i in batch.indices], batch.logits, errors)

    def about(self, projection: Projection | None) -> dict[str, Any]:
        """Return what must be the same for two vectors to be compared."""
        return fingerprint(
            self.model,
            self.variables,
            name=self.recipe.model,
            at=self.at,
            pool=self.recipe.pool,
            scales=self.recipe.scales,
            images=repr(self.meta.transforms),
            projection=projection and hash_arrays(projection._asdict()),
        )


def prepare(recipe: Recipe) -> Describer:
    """Load the network of a recipe."""
    weights = None if recipe.weights is None else Path(recipe.weights)
    model, variables, meta = load(recipe.model, recipe.tag, weights, None)
    blank: Any = meta.transforms.normalize(meta.transforms.pixels(np.zeros((8, 8, 3), np.uint8)))
    if recipe.at is None or recipe.pool != "code":
        at = map_layer("search", model, variables, blank, recipe.at)
    else:
        at = recipe.at
    return Describer(recipe, model, variables, meta, at)


def projection_of(index: Index) -> Projection | None:
    """Return the projection that an index keeps."""
    return Projection(**index.arrays) if index.arrays else None


def describer_of(index: Index, model: str | None = None) -> Describer:
    """Return what an index was made with, or another model; refused if it has changed since."""
    notes = dict(index.notes)
    report = Report("search")
    rule = "was not made by `jaxcnn search build`"
    known = notes.keys() >= {"model", "pool", "scales"}
    report.expect(known, "--index", str(index.folder), rule, "build one")
    report.done()
    if model is not None and model != notes["model"]:
        notes |= {"model": model, "tag": None, "weights": None, "at": None}
    found = prepare(Recipe(**{**notes, "scales": tuple(notes["scales"])}))
    index.check(found.about(projection_of(index)))
    return found


def digest(file: Path) -> str:
    """Return a hash of the bytes of a file."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def name_of(file: Path) -> str:
    """Return the name under which a file is in an index, from wherever it is looked at."""
    return os.path.abspath(file)


def shown_name(name: str) -> str:
    """Return a name as a person here would write it."""
    here = os.path.join(os.getcwd(), "")
    return name.removeprefix(here)
