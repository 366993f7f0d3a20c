"""Methods run on one image after the other."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax import linen as nn

from jaxcnn.checks import ArgumentError
from jaxcnn.cli.explain.methods import Method
from jaxcnn.cli.explain.photographs import Photographs
from jaxcnn.cli.explain.pictures import Picture, picture_of
from jaxcnn.cli.explain.targets import Asked, Question
from jaxcnn.cli.progress import tell
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
    began = time.monotonic()
    for i, file in enumerate(photographs.files):
        pixels, question = photographs[i], asked.of(photographs.logits[i])
        spent = time.monotonic() - began
        left = f", {spent / i * (len(photographs) - i):,.0f} s left" if i else ""

        def say(
            text: str, place: str = f"{file.name} ({i + 1} of {len(photographs)}{left})"
        ) -> None:
            tell(f"{place}: {text}")

        x = photographs.network.meta.transforms.normalize(pixels[None])
        network = (photographs.model, photographs.variables)
        shown = shown_by(wanted, options, *network, x, pixels, question.target, skip=skip, say=say)
        yield Explained(file, pixels, photographs.guesses(i, GUESSES), question, shown)


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
            values = method.function(model, variables, x, target, **options[method.name])
            picture = picture_of(method.name, np.asarray(values)[0], pixels)
            shown.append(Shown(method, picture, time.monotonic() - began))
        except ArgumentError as error:
            if not skip:
                raise
            shown.append(Shown(method, None, refused=str(error)))
    return shown
