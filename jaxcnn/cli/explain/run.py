"""Methods run on one image after the other."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax import linen as nn

from jaxcnn import explain
from jaxcnn.checks import ArgumentError
from jaxcnn.cli.explain.methods import SUPERPIXELS, Method
from jaxcnn.cli.explain.photographs import Photographs
from jaxcnn.cli.explain.pictures import Picture, picture_of
from jaxcnn.cli.explain.targets import Asked, Question
from jaxcnn.cli.progress import seen, tell
from jaxcnn.typing import Variables
from jaxcnn.weights.predict import Guess

GUESSES = 5

Options = dict[str, dict[str, Any]]


class Shown(NamedTuple):
    """What a method made of an image, or why it cannot."""

    method: Method
    picture: Picture | None
    seconds: float = 0.0
    refused: str = ""


class Explained(NamedTuple):
    """An image with all that is shown of it."""

    file: Path
    pixels: np.ndarray
    guesses: list[Guess]
    question: Question
    shown: list[Shown]

    @property
    def heading(self) -> str:
        """What it is taken for, and what was asked."""
        top = self.guesses[0]
        return (
            f"{self.file.name}: {top.name} ({top.probability:.1%}); explained: the "
            f"{self.question.score.__name__.lower()} of {self.question.words}"
        )


def explained(
    photographs: Photographs,
    asked: Asked,
    wanted: Sequence[Method],
    options: Options,
    *,
    skip: bool,
) -> Iterator[Explained]:
    """Yield the images with their maps.

    Args:
        photographs: The images.
        asked: What is explained.
        wanted: The methods.
        options: Their options, by name.
        skip: Whether a method that the network has no ground for is left out, not an error.
    """
    line = Line(len(photographs))
    told = {m.name: {**line.option(m), **options[m.name]} for m in wanted}
    network = (photographs.model, photographs.variables)
    for i, file in enumerate(photographs.files):
        line.begin(i, file.name)
        pixels, question = photographs[i], asked.of(photographs.logits[i])
        x = photographs.network.meta.transforms.normalize(pixels[None])
        shown = shown_by(
            wanted, told, *network, x, pixels, question.target, skip=skip, say=line.method
        )
        yield Explained(file, pixels, photographs.guesses(i, GUESSES), question, shown)


class Line:
    """How far it is, on one line: the image, the method, and how much of it is done."""

    def __init__(self, images: int):
        self._images, self._began = images, time.monotonic()
        self._image = self._method = ""

    def begin(self, index: int, name: str) -> None:
        """Begin an image."""
        spent = time.monotonic() - self._began
        left = f", {spent / index * (self._images - index):,.0f} s left" if index else ""
        self._image = f"{name} ({index + 1} of {self._images}{left})"

    def method(self, name: str) -> None:
        """Begin a method."""
        self._method = name
        tell(f"{self._image}: {name}")

    def option(self, method: Method) -> dict[str, Any]:
        """Return the option that makes a method report; reporting costs time, so only if seen."""
        # One object for all images: methods take it as a constant of their program.
        return {"progress": self._count} if "progress" in method.options and seen() else {}

    def _count(self, done: int, total: int) -> None:
        tell(f"{self._image}: {self._method}, {done:,} of {total:,}")


def shown_by(
    wanted: Sequence[Method],
    options: Options,
    model: nn.Module,
    variables: Variables,
    x: Any,
    pixels: np.ndarray,
    target: Any,
    *,
    skip: bool,
    say: Callable[[str], None] = lambda text: None,
) -> list[Shown]:
    """Return a picture for each method.

    Args:
        wanted: The methods.
        options: Their options, by name.
        model: The network.
        variables: Its variables.
        x: One image as the network takes it, (1, H, W, C).
        pixels: The same as bytes, (H, W, C).
        target: What is explained.
        skip: Whether a method that the network has no ground for is left out, not an error.
        say: Told the name of each method before it runs.
    """
    shown = []
    for method in wanted:
        began = time.monotonic()
        say(method.name)
        try:
            given = with_superpixels(options[method.name], x)
            values = method.function(model, variables, x, target, **given)
            picture = picture_of(method.name, np.asarray(values)[0], pixels)
            shown.append(Shown(method, picture, time.monotonic() - began))
        except ArgumentError as error:
            if not skip:
                raise
            shown.append(Shown(method, None, refused=str(error)))
    return shown


def with_superpixels(options: dict[str, Any], x: Any) -> dict[str, Any]:
    """Return options in which `segments=superpixels` stands for those of the image."""
    if options.get("segments") != SUPERPIXELS:
        return options
    return {**options, "segments": explain.superpixels(x)}
