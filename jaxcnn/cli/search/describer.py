"""A network that makes vectors of images, as an index remembers it."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.cli.options import load
from jaxcnn.images import ImageError
from jaxcnn.retrieval import Index, Projection, describe, fingerprint
from jaxcnn.retrieval.fingerprint import hash_arrays
from jaxcnn.taps.maps import map_layer
from jaxcnn.typing import Variables
from jaxcnn.weights.predict import THREADS, attempt

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


class Decoded(NamedTuple):
    """Some files in a row: images as the network takes them, or why there are none."""

    files: list[Path]
    images: np.ndarray
    errors: dict[Path, ImageError]


@dataclass(frozen=True)
class Describer:
    """A network with its layer and pooling."""

    recipe: Recipe
    model: nn.Module
    variables: Variables
    meta: Any
    at: str

    def describe(
        self, images: Sequence[np.ndarray], projection: Projection | None, *, regions: bool = False
    ) -> np.ndarray:
        """Return vectors for batches of images."""
        return describe(
            self.model, self.variables, images, at=self.at, pool=self.recipe.pool,
            scales=self.recipe.scales, projection=projection, regions=regions,
        )  # fmt: skip

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

    def normalize(self, pixels: np.ndarray, size: int) -> np.ndarray:
        """Return images as the network takes them, filled up to one size of batches."""
        filling = np.repeat(pixels[-1:], size - len(pixels), 0)
        return self.meta.transforms.normalize(np.concatenate([pixels, filling]))

    def decoded(self, files: Sequence[Path], size: int) -> Iterator[Decoded]:
        """Yield all images in batches; the next batch is decoded while one is used."""
        transforms = self.meta.transforms
        with ThreadPoolExecutor(THREADS) as pool:

            def decode(start: int) -> list[Future]:
                return [pool.submit(attempt, transforms, f) for f in files[start : start + size]]

            coming = decode(0)
            for start in range(0, len(files), size):
                here, coming = coming, decode(start + size)
                both = list(
                    zip(files[start : start + size], [h.result() for h in here], strict=True)
                )
                good = [(file, one) for file, one in both if isinstance(one, np.ndarray)]
                errors = {file: one for file, one in both if isinstance(one, ImageError)}
                images = np.stack([one for _, one in good]) if good else np.zeros((0, 1, 1, 1))
                yield Decoded([file for file, _ in good], images, errors)


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
