"""Which parts of the chapter are wanted, and their pictures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxcnn import explain
from jaxcnn.checks import Report
from jaxcnn.cli.explain import chapter
from jaxcnn.cli.explain.photographs import Loaded, Photographs
from jaxcnn.cli.explain.pictures import Picture
from jaxcnn.cli.progress import tell

LAST = "last"

Made = tuple[str, str, Picture]
"""Title, name of the file, picture."""


@dataclass(frozen=True)
class Parts:
    """What is asked for, each a layer but for the filters."""

    filters: bool = False
    feature_maps: str | None = None
    units: str | None = None
    channels: tuple[int, ...] = ()
    directions: str | None = None
    embedding: str | None = None

    @property
    def of_images(self) -> bool:
        """Whether there is a part that needs images."""
        return any((self.feature_maps, self.units, self.directions, self.embedding))

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return self.filters or self.of_images


def drawn(parts: Parts, network: Loaded, photographs: Photographs | None) -> Iterator[Made]:
    """Yield the pictures of all parts that are asked for."""
    if parts.filters:
        picture = chapter.filters_picture(network.model, network.variables, network.blank)
        yield "Filters of the first layer", "filters", picture
    if photographs is None:
        return
    if parts.feature_maps:
        yield from maps(photographs, parts.feature_maps)
    if parts.units:
        units = chapter.units_of(photographs, parts.units, parts.channels)
        picture = chapter.units_picture(photographs, parts.units, units)
        yield f"What excites units of {parts.units}", "units", picture
    if parts.directions:
        units = chapter.directions_of(photographs, parts.directions)
        picture = chapter.units_picture(photographs, parts.directions, units)
        yield f"What excites random directions of {parts.directions}", "directions", picture
    if parts.embedding:
        yield from embeddings(photographs, parts.embedding)


def maps(photographs: Photographs, at: str) -> Iterator[Made]:
    """Yield the feature maps of each image."""
    for i, file in enumerate(photographs.files):
        tell(f"feature maps: {i + 1} of {len(photographs)} images")
        x = photographs.network.meta.transforms.normalize(photographs[i][None])
        picture = chapter.maps_picture(photographs.model, photographs.variables, x, at)
        yield f"Feature maps of {at}: {file.name}", f"{file.stem}-maps", picture


def embeddings(photographs: Photographs, at: str) -> Iterator[Made]:
    """Yield maps of all images by PCA and by t-SNE."""
    report = Report("explain")
    rule, fix = "is too few images for a map", "give 4 or more"
    report.expect(len(photographs) >= 4, "--embedding", len(photographs), rule, fix)
    report.done()
    vectors = explain.embed(
        photographs.model,
        photographs.variables,
        photographs.batches(),
        at=None if at == LAST else at,
    )
    labels, names = photographs.classes()
    for name, project in projections().items():
        tell(f"embedding: {name} of {len(vectors):,} vectors of {vectors.shape[1]:,} numbers")
        points, note = project(vectors)
        about = f"{len(vectors):,} images by their {vectors.shape[1]:,} features at {at}; {note}"
        picture = chapter.embedding_picture(photographs, points, labels, names, about)
        yield f"Embedding by {name}", f"embedding-{name.lower()}", picture


def projections() -> dict[str, Callable[[np.ndarray], Any]]:
    """Return the projections by name; they need an extra, which is therefore asked for late."""
    from jaxcnn.cli.explain.projections import PROJECTIONS

    return PROJECTIONS
