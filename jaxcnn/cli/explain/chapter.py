"""From the filters to the embedding: each part of the chapter as one picture."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np
from flax import linen as nn

from jaxcnn import explain
from jaxcnn.checks import Report
from jaxcnn.cli.explain.pictures import PERCENTILE, Picture
from jaxcnn.images import Scale, around_grey, grid, scatter, sheet
from jaxcnn.taps import features
from jaxcnn.typing import Variables

FILTERS, CHANNELS, MAPS = 256, 16, 32
"""Most filters, input channels of filters that are no images, and feature maps."""
UNITS, BEST = 8, 8
"""Units, and images of each."""
CELL, FILTER, THUMBNAIL = 112, 84, 56
"""Pixels of a cell, of a filter and of a point of a map, at most."""


class Album(Protocol):
    """A network and a set of images."""

    @property
    def model(self) -> nn.Module: ...  # noqa: D102

    @property
    def variables(self) -> Variables: ...  # noqa: D102

    @property
    def blank(self) -> np.ndarray:
        """One image of the shape and type that the network takes, (1, H, W, C)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray:
        """Return an image, uint8 (H, W, C), of the size that the network sees."""
        ...

    def batches(self) -> Iterator[Any]:
        """Yield all images as the network takes them."""
        ...


class Units(NamedTuple):
    """Channels or directions of a layer, as `top_activations` takes them, and their names.

    >>> Units([5], ["channel 5"]).names
    ['channel 5']
    """

    values: Any
    names: list[str]


def filters_picture(
    model: nn.Module, variables: Variables, x: Any, at: str | None = None
) -> Picture:
    """Return the filters of the first layer, or of another one; grey is zero."""
    kernels = np.asarray(explain.filters(model, variables, x, at=at))
    count, height, width, channels = kernels.shape
    if channels in (1, 3):
        shown, columns, laid = kernels[:FILTERS], None, ""
    else:
        some = kernels[:CHANNELS, ..., :CHANNELS]
        shown, columns = np.moveaxis(some, -1, 1).reshape(-1, height, width, 1), some.shape[-1]
        laid = f"; a row a filter, a column an input channel, {CHANNELS} of each at most"
    cell = enlarged(max(height, width), FILTER)
    picture = grid([around_grey(kernel) for kernel in shown], columns=columns, cell=cell, gap=4)
    note = f"{count} filters of {height}x{width}x{channels}{laid}; grey is 0, black and white "
    return Picture(picture, note + "are ± the largest magnitude of each")


def maps_picture(
    model: nn.Module, variables: Variables, x: Any, at: str | None = None, top: int = MAPS
) -> Picture:
    """Return the maps of one image's strongest channels at a layer, on one scale."""
    every = np.asarray(explain.feature_maps(model, variables, x, at=at).maps[0])
    channels = np.argsort(-every.mean((1, 2)), kind="stable")[:top]
    maps = every[channels]
    scale = Scale.of(maps, percentile=PERCENTILE)
    captions = [[f"channel {channel}"] for channel in channels]
    cell = enlarged(max(maps.shape[1:]), CELL)
    picture = sheet([scale(values) for values in maps], captions, columns=8, cell=cell)
    note = f"{len(maps)} of {len(every)} channels, the largest mean first, on one scale: {scale}"
    return Picture(picture, note, scale)


def units_of(album: Album, at: str, channels: Sequence[int] = ()) -> Units:
    """Return the given channels of a layer, or some at equal distances."""
    count = width_of(album, at)
    report = Report("explain")
    ok = all(0 <= channel < count for channel in channels)
    report.expect(ok, "--channels", channels, f"{at} has {count}, from 0", "choose among these")
    report.done()
    spread = np.unique(np.linspace(0, count - 1, min(UNITS, count)).round().astype(int))
    chosen = np.array(channels) if channels else spread
    return Units(chosen, [f"channel {channel}" for channel in chosen])


def directions_of(album: Album, at: str) -> Units:
    """Return random directions in the space of a layer's channels."""
    vectors = explain.random_directions(jax.random.key(0), UNITS, width_of(album, at))
    return Units(vectors, [f"direction {i + 1}" for i in range(UNITS)])


def width_of(album: Album, at: str) -> int:
    """Return the number of channels of a layer."""
    maps = jax.eval_shape(
        lambda v, x: features(album.model, v, x, at)[at], album.variables, album.blank
    )
    return maps.shape[-1]


def units_picture(album: Album, at: str, units: Units) -> Picture:
    """Return a row for each unit: the images that excite it most, cropped to what it sees there."""
    network = (album.model, album.variables)
    best = explain.top_activations(*network, album.batches(), at=at, units=units.values, k=BEST)
    boxes = explain.receptive_boxes(*network, album.blank, at, best.positions)
    crops, captions = [], []
    for u, name in enumerate(units.names):
        for k, n in enumerate(best.images[u]):
            (top, bottom), (left, right) = boxes[u, k]
            crops.append(np.ascontiguousarray(album[int(n)][top:bottom, left:right]))
            captions.append([name if k == 0 else "", f"{best.scores[u, k]:.3g}"])
    cell = enlarged(max(max(crop.shape[:2]) for crop in crops), CELL)
    picture = sheet(crops, captions, columns=best.images.shape[1], cell=cell)
    height, width = (int((boxes[..., a, 1] - boxes[..., a, 0]).max()) for a in (0, 1))
    note = f"a row a unit, the largest of its values in {len(album):,} images first, one an image"
    return Picture(picture, f"{note}; crops are what it sees there, {height}x{width} at most")


def embedding_picture(
    album: Album, points: np.ndarray, labels: Sequence[int] | None, names: Sequence[str], note: str
) -> Picture:
    """Return images where a projection puts them, with the colour of their class."""
    thumbnail = enlarged(max(album.blank.shape[1:3]), THUMBNAIL)
    picture = scatter(points, album, labels=labels, names=names, thumbnail=thumbnail)
    return Picture(picture, note)


def enlarged(side: int, cell: int) -> int:
    """Return a size for images of this side: whole multiples where they are smaller than a cell.

    >>> enlarged(5, 56), enlarged(32, 112), enlarged(224, 112)
    (55, 96, 112)
    """
    return side * (cell // side) if side <= cell else cell
