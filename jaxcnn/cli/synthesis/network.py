"""The network of a command that makes images, and the options that all of them have."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
import tyro
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.cli.options import ClassNames, OwnWeights, Tag, load
from jaxcnn.cli.synthesis.film import Film, every
from jaxcnn.cli.synthesis.pictures import FILMS, STILLS, expect_file
from jaxcnn.taps import features
from jaxcnn.typing import Variables
from jaxcnn.weights.classes import class_indices
from jaxcnn.weights.predict import guesses

Output = Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]


class Seeing(NamedTuple):
    """A network, and what is known of its images and classes."""

    model: nn.Module
    variables: Variables
    meta: Any

    @property
    def channels(self) -> int:
        """Of its images."""
        return len(self.meta.transforms.mean)

    @property
    def side(self) -> int:
        """Pixels of its images."""
        return self.meta.transforms.pixels([np.zeros((8, 8, 3), np.uint8)]).shape[1]

    @property
    def given(self) -> tuple[nn.Module, Variables]:
        """What every technique takes first."""
        return self.model, self.variables

    def classes(self, option: str, words: tuple[str, ...]) -> list[int]:
        """Return the classes with these names or numbers."""
        try:
            found = class_indices(list(words), self.meta.categories)
        except ValueError as error:
            raise ValueError(f"{option} {' '.join(words)}: {error}") from None
        return [found[word] for word in words]

    def named(self, label: int) -> str:
        """Return the name of a class."""
        names = self.meta.categories
        return names[label] if names else str(label)

    def guess(self, pixels: np.ndarray) -> Any:
        """Return the most probable class of images, uint8 (1, H, W, C)."""
        x = self.meta.transforms.normalize(pixels)
        logits = features(self.model, self.variables, x, ":output")[":output"]
        return guesses(np.asarray(logits), self.meta, 1)[0][0]


@dataclass(frozen=True)
class Common:
    """Options of every command that makes images."""

    model: str = "efficientnet_lite0"
    """Name of the model; see jaxcnn list."""
    tag: Tag = None
    weights: OwnWeights = None
    classes: ClassNames = None
    seed: int = 0
    """The same seed makes the same image."""
    film: Annotated[Path | None, tyro.conf.arg(metavar="FILE.gif|FILE.mp4")] = field(default=None)
    """File for a film of the image in the making."""

    def load(self) -> Seeing:
        """Return the network."""
        return Seeing(*load(self.model, self.tag, self.weights, self.classes))

    def options(self, seeing: Seeing, film: Film, steps: int) -> dict[str, Any]:
        """Return what `optimize` takes."""
        return {
            "transform": seeing.meta.transforms,
            "key": jax.random.key(self.seed),
            "steps": steps,
            "every": every(steps),
            "on_frame": film,
        }

    def check(self, report: Report, output: Path, steps: int, size: int | None = None) -> None:
        """Raise where words mean nothing, before anything is loaded."""
        expect_file(report, "--output", output, STILLS)
        expect_file(report, "--film", self.film, FILMS)
        report.count("--steps", steps)
        if size is not None:
            report.count("--size", size, low=16)
        report.done()


COMMON = Common()
Shared = Annotated[Common, tyro.conf.arg(name="")]
